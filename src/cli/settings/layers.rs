//! The layers of the settings: flags over variables over the file over defaults.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use config::{Config, File, FileFormat};

use super::{FILE, KEYS, Location, PASSWORD, PREFIX, Places, SECRET, Settings, SettingsError, nearest, place};
use crate::cli::args::Common;
use crate::cli::secret::HANDED;
use crate::diagnostic::{Diagnostic, unvalued};
use crate::model::browser::BrowserNetwork;

/// Refuses keys that nobody knows, naming the nearest that is known.
pub(in crate::cli) fn check_keys(path: &Path, text: &str, known: &[&'static str]) -> Result<(), SettingsError> {
    let table: HashMap<toml::Spanned<String>, toml::Value> = toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        SettingsError::File(Diagnostic::unquoted(
            path,
            text,
            span.start,
            None,
            error.message(),
            "settings are TOML: key = value",
        ))
    })?;
    let mut unknown: Vec<_> = table.keys().filter(|key| !known.contains(&key.get_ref().as_str())).collect();
    unknown.sort_by_key(|key| key.span().start);
    match unknown.first() {
        None => Ok(()),
        Some(key) => {
            let name = key.get_ref();
            let help = if name.contains("password") || strsim::damerau_levenshtein(name, "password") <= 2 {
                "a password never stands in this file: set PORTAL_AGENT_PASSWORD, or `password_command`".to_owned()
            } else {
                format!("did you mean `{}`?", nearest(name, known))
            };
            let field = Some(name.clone());
            Err(SettingsError::File(Diagnostic::unquoted(path, text, key.span().start, field, "no such setting", help)))
        }
    }
}

/// Refuses values that are not what belongs there, each by its line.
fn check_values(path: &Path, text: &str) -> Result<(), SettingsError> {
    let Err(error) = toml::from_str::<Settings>(text) else { return Ok(()) };
    let start = error.span().map_or(0, |span| span.start);
    let entries: HashMap<String, toml::Spanned<toml::Value>> = toml::from_str(text).unwrap_or_default();
    let field = entries.into_iter().find(|(_, value)| value.span().contains(&start)).map(|(key, _)| key);
    let help = "src/cli/settings/README.md tells what each setting may be";
    Err(SettingsError::File(Diagnostic::unquoted(path, text, start, field, unvalued(error.message()), help)))
}

/// Refuses a variable whose value is not what belongs there.
fn check_variable(name: &str, key: &str, value: &config::Value, text: &str) -> Result<(), SettingsError> {
    let alone = Config::builder().set_override(key, value.clone()).and_then(|alone| alone.build());
    let Err(error) = alone.and_then(Config::try_deserialize::<Settings>) else { return Ok(()) };
    // Of a choice, the other reader names what may be chosen.
    let as_text = toml::Table::from_iter([(key.to_owned(), toml::Value::String(text.to_owned()))]);
    let choice = as_text.try_into::<Settings>().map_err(|error| error.message().to_owned());
    let told = choice.err().filter(|told| told.starts_with("unknown variant"));
    let told = unvalued(&told.unwrap_or_else(|| error.to_string()));
    Err(SettingsError::Value(format!("{name} {told}")))
}

/// Settings of this process: file, environment and `flags`.
///
/// # Errors
///
/// [`SettingsError`] naming the file and line, or the variable.
pub fn read(flags: &Common) -> Result<Settings, SettingsError> {
    read_with(flags, Vec::new())
}

/// The same, with variables that go over those of the process.
///
/// # Errors
///
/// Those of [`read`].
pub(in crate::cli) fn read_with(flags: &Common, more: Vec<(String, String)>) -> Result<Settings, SettingsError> {
    let mut variables = environment(std::env::vars_os())?;
    variables.extend(more);
    read_from(flags, variables)
}

/// The variables that are meant for the agent. What else a shell carries need not even be text.
fn environment(all: impl Iterator<Item = (OsString, OsString)>) -> Result<HashMap<String, String>, SettingsError> {
    let ours = all.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    ours.filter(|(name, _)| name.starts_with(PREFIX) && ![PASSWORD, SECRET, HANDED].contains(&name.as_str()))
        .map(|(name, value)| match value.into_string() {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(SettingsError::Value(format!("{name} is not UTF-8 text"))),
        })
        .collect()
}

fn read_from(flags: &Common, variables: HashMap<String, String>) -> Result<Settings, SettingsError> {
    let mut builder = Config::builder();
    let path = flags.settings.clone().unwrap_or_else(|| PathBuf::from(FILE));
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            check_keys(&path, &text, &KEYS)?;
            check_values(&path, &text)?;
            builder = builder.add_source(File::from_str(&text, FileFormat::Toml));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && flags.settings.is_none() => {}
        Err(error) => {
            let help = "name a settings file with --settings, or remove it";
            let message = format!("cannot be read: {error}");
            return Err(SettingsError::File(Diagnostic::whole(&path, message, help)));
        }
    }
    let wrong = |error: config::ConfigError| SettingsError::Value(unvalued(&error.to_string()));
    for (name, value) in over_the_file(variables)? {
        builder = builder.set_override(name, value).map_err(wrong)?;
    }
    let mut settings: Settings = builder.build().map_err(wrong)?.try_deserialize().map_err(wrong)?;
    if flags.settings.is_some()
        && let Some(folder) = path.parent()
    {
        settings.stand_in(folder);
    }
    let Common { settings: _, map, base_url, evidence, calendar, browser, webdriver } = flags.clone();
    settings.map = map.or(settings.map);
    settings.base_url = base_url.or(settings.base_url);
    settings.evidence = evidence.unwrap_or(settings.evidence);
    if let Some(calendar) = calendar {
        settings.calendar = Places::One(calendar);
    }
    settings.browser = browser.unwrap_or(settings.browser);
    settings.webdriver = webdriver.or(settings.webdriver);
    if settings.webdriver.is_some() && settings.browser_network == BrowserNetwork::Own {
        let help =
            "leave `webdriver` out, so that the agent starts the driver itself, or set browser_network = \"auto\"";
        let told = "browser_network: \"own\" is for a driver that the agent starts, and `webdriver` names one that runs already";
        return Err(SettingsError::Value(format!("{told}\n  = help: {help}")));
    }
    Ok(settings)
}

/// Settings that name files.
const FILES: [&str; 15] = [
    "map",
    "evidence",
    "calendar",
    "freeze_policy",
    "delegates",
    "holds",
    "ownership",
    "freeze_state",
    "release_override",
    "allowed_signers",
    "revoked_keys",
    "change_management",
    "portal_ca",
    "seal_key",
    "seal_public_key",
];

/// Settings that are lists; a variable has them with commas between.
const LISTS: [&str; 5] =
    ["approval_roles", "password_command", "change_management_command", "notify_command", "seal_command"];

/// What the variables set, by key. Their values are texts, whatever they look like: an account may be called 0042.
fn over_the_file(variables: HashMap<String, String>) -> Result<BTreeMap<String, config::Value>, SettingsError> {
    let mut set = BTreeMap::new();
    for (name, value) in variables {
        let Some(key) = name.strip_prefix(PREFIX).map(str::to_ascii_lowercase) else { continue };
        if !KEYS.contains(&key.as_str()) {
            let upper = nearest(&key, &KEYS).to_ascii_uppercase();
            return Err(SettingsError::Value(format!("{name} is no setting; did you mean {PREFIX}{upper}?")));
        }
        let text = value.clone();
        let value = if LISTS.contains(&key.as_str()) {
            config::Value::from(value.split(',').map(str::to_owned).collect::<Vec<_>>())
        } else if FILES.contains(&key.as_str()) && place(Path::new(&value)) == Location::File {
            // A variable names files from where one stands, wherever the settings file may be.
            let absolute = std::path::absolute(&value);
            let absolute = absolute.map_err(|error| SettingsError::Value(format!("{name}: {error}")))?;
            config::Value::from(absolute.to_string_lossy().into_owned())
        } else {
            config::Value::from(value)
        };
        check_variable(&name, &key, &value, &text)?;
        set.insert(key, value);
    }
    Ok(set)
}

impl Settings {
    /// Files that the settings name without saying from where are named from `folder`.
    fn stand_in(&mut self, folder: &Path) {
        let files = [&mut self.map, &mut self.portal_ca, &mut self.freeze_policy, &mut self.delegates, &mut self.holds];
        let more = [&mut self.ownership, &mut self.freeze_state, &mut self.release_override, &mut self.allowed_signers];
        let keys = [&mut self.revoked_keys, &mut self.seal_key, &mut self.seal_public_key];
        let paths = files.into_iter().chain(more).chain(keys).chain([&mut self.change_management]).flatten();
        let calendars = self.calendar.as_mut_slice().iter_mut().filter(|path| place(path) == Location::File);
        for path in paths.chain(calendars).chain([&mut self.evidence]) {
            *path = folder.join(&*path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::browser::BrowserKind;

    fn with_file(text: &str, variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.toml");
        std::fs::write(&path, text).unwrap();
        let flags = Common { settings: Some(path), ..Common::default() };
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        read_from(&flags, environment(variables)?)
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one_and_its_line() {
        let told = with_file("# mine\noperater = \"x\"\n", &[]).unwrap_err().to_string();
        assert!(told.contains("s.toml:2:1") && told.contains("did you mean `operator`"), "{told}");
        let told = with_file("", &[("PORTAL_AGENT_BROWSR", "firefox")]).unwrap_err().to_string();
        assert!(told.contains("PORTAL_AGENT_BROWSER"), "{told}");
    }

    #[test]
    fn a_value_that_does_not_belong_there_names_file_line_and_field_or_the_variable() {
        for (line, field, told) in [
            ("signatures = \"requred\"", "signatures", "expected `optional` or `required`"),
            ("evidence_mib = \"many\"", "evidence_mib", "expected u64"),
            ("browser = 7", "browser", "wanted string"),
        ] {
            let text = with_file(&format!("# mine\n{line}\n"), &[]).unwrap_err().to_string();
            assert!(text.contains("s.toml:2:") && text.contains(field) && text.contains(told), "{text}");
        }
        let text = with_file("", &[("PORTAL_AGENT_SIGNATURES", "requred")]).unwrap_err().to_string();
        assert!(text.contains("PORTAL_AGENT_SIGNATURES") && text.contains("`optional` or `required`"), "{text}");
        let text = with_file("", &[("PORTAL_AGENT_EVIDENCE_MIB", "many")]).unwrap_err().to_string();
        assert!(text.contains("PORTAL_AGENT_EVIDENCE_MIB") && !text.contains("many"), "{text}");
    }

    #[test]
    fn a_password_in_the_file_is_refused_with_the_way_to_give_it() {
        for key in ["password", "pasword", "portal_password"] {
            let told = with_file(&format!("{key} = \"x\"\n"), &[]).unwrap_err().to_string();
            assert!(told.contains("PORTAL_AGENT_PASSWORD"), "{told}");
        }
    }

    #[test]
    fn the_environment_goes_over_the_file() {
        let file = "operator = \"from.file\"\nbrowser = \"chromium\"\n";
        let settings = with_file(file, &[("PORTAL_AGENT_BROWSER", "firefox"), ("OTHER", "x")]).unwrap();
        assert_eq!(settings.browser, BrowserKind::Firefox);
        assert_eq!(settings.operator().unwrap().as_str(), "from.file");
        assert!(with_file("browser = \"netscape\"\n", &[]).is_err());
    }

    #[test]
    fn an_account_of_digits_stays_what_was_written() {
        let variables =
            [("PORTAL_AGENT_OPERATOR", "0042"), ("PORTAL_AGENT_USER", "1e3"), ("PORTAL_AGENT_SOURCES_S", "7")];
        let settings = with_file("", &variables).unwrap();
        assert_eq!((settings.operator().unwrap().as_str(), settings.user().unwrap()), ("0042", "1e3"));
        assert_eq!(settings.sources_s, 7);
        let roles = with_file("", &[("PORTAL_AGENT_APPROVAL_ROLES", "service-owner,change-authority")]).unwrap();
        assert_eq!(roles.approval_roles.len(), 2);
        assert!(with_file("", &[("PORTAL_AGENT_SOURCES_S", "soon")]).is_err());
    }

    #[test]
    fn a_variable_names_files_from_where_one_stands_and_the_settings_from_their_folder() {
        let settings = with_file("holds = \"h.toml\"\n", &[("PORTAL_AGENT_CALENDAR", "freeze.toml")]).unwrap();
        let here = std::env::current_dir().unwrap();
        assert_eq!(settings.calendar.as_slice(), [here.join("freeze.toml")]);
        let holds = settings.holds.unwrap();
        assert!(holds.is_absolute() && !holds.starts_with(&here) && holds.ends_with("h.toml"), "{}", holds.display());
        let address = "https://calendars.example.test/freeze.ics";
        let settings = with_file("", &[("PORTAL_AGENT_CALENDAR", address)]).unwrap();
        assert_eq!(settings.calendar.as_slice(), [PathBuf::from(address)]);
    }

    #[test]
    fn no_mistake_in_the_settings_shows_what_may_be_a_secret() {
        for text in [
            "password = \"hunter2\"\n",
            "change_management_secret = \"hunter2\"\n",
            "calender = \"https://calendars.example.test/hunter2.ics\"\n",
            "password_command = \"echo hunter2\"\n",
            "password_command = [\"echo\", \"hunter2\"\n",
            "sources_s = \"hunter2\"\n",
        ] {
            let told = with_file(text, &[]).unwrap_err().to_string();
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn what_else_a_shell_carries_need_not_be_text() {
        use std::os::unix::ffi::OsStringExt as _;
        let foreign = OsString::from_vec(vec![0xff]);
        let pair = |name: &str, value: OsString| (OsString::from(name), value);
        let all = [pair("X", foreign.clone()), (foreign.clone(), "x".into()), pair("PORTAL_AGENT_USER", "u".into())];
        assert_eq!(environment(all.into_iter()).unwrap(), HashMap::from([("PORTAL_AGENT_USER".into(), "u".into())]));
        let ours = [pair("PORTAL_AGENT_USER", foreign)];
        assert!(environment(ours.into_iter()).unwrap_err().to_string().contains("PORTAL_AGENT_USER"));
    }

    #[test]
    fn what_has_a_scheme_is_no_file() {
        for text in ["webcal://p01.example/TOKEN", "https://calendars.example:84430/TOKEN"] {
            assert_ne!(place(Path::new(text)), Location::File, "{text}");
        }
        for text in ["freeze.ics", "./http://x", "C:/freeze.ics", "a b://c"] {
            assert_eq!(place(Path::new(text)), Location::File, "{text}");
        }
    }
}
