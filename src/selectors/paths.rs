//! Addresses within the portal, as the map writes them: with places for values.

/// Puts values into the places of a path, escaped.
pub(crate) fn fill_path(path: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(path.to_owned(), |path, (name, value)| {
        let escaped: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        path.replace(&format!("{{{name}}}"), &escaped.replace('+', "%20"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_change_the_shape_of_a_path() {
        let path = fill_path("/e/{draft}/edit?service={service}", &[("draft", "a/b?c"), ("service", "x y&z=1")]);
        assert_eq!(path, "/e/a%2Fb%3Fc/edit?service=x%20y%26z%3D1");
    }
}
