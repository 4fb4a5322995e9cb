//! Whether a cache answered instead of the source, by what the caches on the way told. Pure.

use http::HeaderMap;

/// Whether a field without a standard form tells of a hit. Whole words: a miss told by the host `whitney` is a miss.
fn tells_a_hit(text: &str) -> bool {
    // The last two are CloudFront's.
    let words = ["hit", "stale", "updating", "revalidated", "refreshhit", "originshieldhit"];
    text.split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(&word))
}

/// Splits at `separator` outside of quotes; none when a quote stays open.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            other if other == separator && !quoted => {
                parts.push(text[start..at].trim());
                start = at + separator.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    (!quoted).then_some(parts)
}

/// Whether a value of `Cache-Status` (RFC 9211), in small letters, tells of a cache that did not pass on the source's own answer to
/// this very question. Only an answer of status 200 is asked about.
fn any_kept_or_shared(list: &str) -> bool {
    // What cannot be taken apart is judged as the fields before the standard are.
    split(list, ',').map_or_else(|| tells_a_hit(list), |caches| caches.into_iter().any(kept_or_shared))
}

/// The same of one cache. That it forwarded because its own copy was stale is no fault: `fwd` alone tells of none.
fn kept_or_shared(cache: &str) -> bool {
    let parts = split(cache, ';').unwrap_or_default();
    let [name, parameters @ ..] = parts.as_slice() else { return tells_a_hit(cache) };
    let one_name = name.starts_with('"') || !name.contains(char::is_whitespace);
    if parameters.is_empty() || !one_name {
        return tells_a_hit(cache);
    }
    parameters.iter().any(|parameter| {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, "?1"));
        match key.trim() {
            // Shared with somebody whose question came first: the source may have answered before ours was asked.
            "hit" | "collapsed" => value.trim() != "?0",
            // Not changed (304), a part of it (206), or a failure that was passed over: the body is one that was kept.
            "fwd-status" => value.trim() != "200",
            "fwd" | "ttl" | "stored" | "key" | "detail" => false,
            // No parameter of the standard.
            _ => tells_a_hit(parameter),
        }
    })
}

/// Why the answer comes from a cache; none where nothing says so.
pub(super) fn cached(headers: &HeaderMap) -> Option<&'static str> {
    let values = |name: &'static str| {
        let all = headers.get_all(name).into_iter();
        all.map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase())
    };
    if values("age").any(|age| age.trim() != "0") {
        return Some("Age");
    }
    let names = ["x-cache", "x-cache-status", "cf-cache-status", "x-proxy-cache"];
    if let Some(name) = names.into_iter().find(|name| values(name).any(|text| tells_a_hit(&text))) {
        return Some(name);
    }
    if values("cache-status").any(|list| any_kept_or_shared(&list)) {
        return Some("cache-status");
    }
    // RFC 9111: 110 stale, 111 revalidation failed, 112 disconnected, 113 heuristic expiration.
    let warned = |text: &String| text.split(',').any(|one| one.trim_start().starts_with("11"));
    values("warning").any(|text| warned(&text)).then_some("Warning")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &'static str, value: &str) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        cached(&headers)
    }

    #[test]
    fn an_answer_from_a_cache_is_refused_and_a_fresh_one_through_a_proxy_is_not() {
        for (name, value) in [
            ("age", "1"),
            ("age", "soon"),
            ("x-cache", "Hit from cloudfront"),
            ("x-cache", "RefreshHit from cloudfront"),
            ("x-cache", "OriginShieldHit from cloudfront"),
            ("x-cache", "MISS, HIT"),
            ("x-cache", "TCP_MEM_HIT"),
            ("cf-cache-status", "STALE"),
            ("cache-status", "edge; hit"),
            ("warning", "110 - \"Response is Stale\""),
        ] {
            assert!(told(name, value).is_some(), "{name}: {value} was accepted");
        }
        for (name, value) in [("age", "0"), ("x-cache", "Miss from cloudfront"), ("warning", "299 - \"deprecated\"")] {
            assert!(told(name, value).is_none(), "{name}: {value} was refused");
        }
    }

    #[test]
    fn a_host_whose_name_holds_the_word_of_a_hit_has_not_answered_from_its_cache() {
        for (name, value) in [
            ("x-cache", "MISS from whitney"),
            ("x-cache", "MISS from white-stalemate.example:3128"),
            ("cache-status", "whitby; fwd=uri-miss"),
        ] {
            assert!(told(name, value).is_none(), "{name}: {value} was refused");
        }
        assert!(told("x-cache", "HIT from whitney").is_some());
    }

    #[test]
    fn a_cache_that_forwarded_the_question_and_gave_the_sources_own_body_has_not_answered() {
        for value in [
            "edge; fwd=stale; fwd-status=200; stored",
            "edge;fwd=stale;stored;ttl=30",
            "edge; fwd=request; detail=\"no hit, stale\"",
            "edge; fwd=miss; collapsed=?0; hit=?0",
            "\"Hit, \\\"stale\\\"; hit\"; fwd=bypass",
            "\"one \\\"; hit\"; fwd=bypass",
            "shield; fwd=uri-miss, edge; fwd=vary-miss; key=\"/a;hit\"",
        ] {
            assert!(told("cache-status", value).is_none(), "{value} was refused");
        }
    }

    #[test]
    fn a_body_that_any_cache_on_the_way_kept_or_shared_is_refused() {
        for value in [
            "edge; hit",
            "edge;HIT=?1;ttl=-5",
            "shield; hit, edge; fwd=miss; fwd-status=200",
            "shield; fwd=miss, \"my, edge\"; hit; ttl=545",
            // The source said that nothing has changed, sent a part, or failed: the body is the cache's, or a part of it.
            "edge; fwd=stale; fwd-status=304",
            "edge; fwd=partial; fwd-status=206",
            "edge; fwd=stale; fwd-status=503",
            // Somebody else's question, asked before ours.
            "edge; fwd=uri-miss; collapsed; stored",
            "edge; fwd=uri-miss; collapsed=?1",
            // Not as the standard writes it: the words alone count.
            "HIT",
            "STALE",
            "HIT from edge",
            "edge; \"hit",
            "hit from edge; ttl=5",
            "edge; hit from memory",
            "edge; result=hit",
        ] {
            assert!(told("cache-status", value).is_some(), "{value} was accepted");
        }
        let mut lines = HeaderMap::new();
        lines.append("cache-status", "shield; hit".parse().unwrap());
        lines.append("cache-status", "edge; fwd=miss".parse().unwrap());
        assert_eq!(cached(&lines), Some("cache-status"));
    }
}
