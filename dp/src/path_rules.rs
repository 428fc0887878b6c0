//! What the settings of the router make of a path before routes are asked; see [`crate::config::Router`].

use std::borrow::Cow;

use crate::uri;

/// The settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PathRules {
    /// A slash at the end is no part of the path.
    pub delete_tail_slash: bool,
    /// Parameters of segments, such as `;jsessionid=1`, are no part of the path.
    pub like_servlet: bool,
    /// A slash that came as `%2F` separates nothing for the router.
    pub match_encoded_slash: bool,
}

/// A path under these rules.
#[derive(Debug, PartialEq, Eq)]
pub struct Applied<'p> {
    /// What plugins and variables see.
    pub path: Cow<'p, str>,
    /// What the router sees instead.
    pub asked: Option<String>,
    /// What the upstream sees instead of the path as it came, encoded.
    pub forwarded: Option<String>,
}

// === impl PathRules ===

impl PathRules {
    /// Of the path as it came and its normal form. `None`: an upstream could take it for another one than the routes.
    #[must_use]
    pub fn apply<'p>(self, raw: &str, normal: Cow<'p, str>) -> Option<Applied<'p>> {
        let mut applied = Applied { path: normal, asked: None, forwarded: None };
        if self == Self::default() {
            return Some(applied);
        }
        if self.like_servlet {
            let path = without_parameters(&applied.path)?;
            if *applied.path != *raw {
                applied.forwarded = Some(uri::encode(&applied.path));
            }
            applied.path = Cow::Owned(path);
        } else if self.delete_tail_slash && applied.path.len() > 1 && applied.path.ends_with('/') {
            applied.path = Cow::Owned(applied.path[..applied.path.len() - 1].to_owned());
        }
        if self.match_encoded_slash {
            applied.asked = keeping_slashes(raw, &applied.path);
        }
        Some(applied)
    }
}

/// The path without what follows a semicolon in each segment.
fn without_parameters(path: &str) -> Option<String> {
    let mut segments: Vec<&str> = path.split('/').collect();
    let last = segments.len() - 1;
    for (at, segment) in segments.iter_mut().enumerate() {
        let Some((name, _)) = segment.split_once(';') else { continue };
        // Without its parameter it would be a segment that was looked for before, and not seen.
        let hidden = ["", ".", "..", "%2e", "%2e%2e"].iter().any(|hidden| name.eq_ignore_ascii_case(hidden));
        if hidden && !(name.is_empty() && at == last) {
            return None;
        }
        *segment = name;
    }
    Some(segments.join("/"))
}

/// The path in which slashes that came encoded stay so, if that is all that makes it another one than `path`: what was
/// taken out of the path for its normal form must not come back.
fn keeping_slashes(raw: &str, path: &str) -> Option<String> {
    let kept = raw.replace("%2F", "%252F").replace("%2f", "%252F");
    let same = kept != raw && uri::decode(raw).as_deref() == Some(path);
    same.then(|| uri::decode(&kept)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What APISIX 3.18 answered to 600 paths at random: path, its normal form, the latter without parameters (`null`:
    /// refused), and with slashes kept (`null`: not used).
    const ORIGINAL: &str = include_str!("path_rules/original.jsonl");

    #[test]
    fn paths_become_those_of_the_original() {
        for line in ORIGINAL.lines() {
            let (raw, normal, bare, kept): (String, String, Option<String>, Option<String>) =
                serde_json::from_str(line).unwrap();
            assert_eq!(uri::normalize(&raw).as_deref(), Some(&*normal), "{raw}");
            assert_eq!(without_parameters(&normal), bare, "{raw}");
            assert_eq!(keeping_slashes(&raw, &normal), kept, "{raw}");
        }
    }

    #[test]
    fn rules_join() {
        let rules = |letters: &str| PathRules {
            delete_tail_slash: letters.contains('d'),
            like_servlet: letters.contains('s'),
            match_encoded_slash: letters.contains('m'),
        };
        let cases = [
            ("", "/a;b/", Some(("/a;b/", None, None))),
            ("d", "/a/", Some(("/a", None, None))),
            ("d", "/a//", Some(("/a", None, None))),
            ("d", "/", Some(("/", None, None))),
            ("s", "/a;x=1/b", Some(("/a/b", None, None))),
            ("s", "/a;x=%201/b", Some(("/a/b", None, Some("/a;x=%201/b")))),
            ("s", "/c/../a;x/b", Some(("/a/b", None, Some("/a;x/b")))),
            ("s", "/a/..;/b", None),
            // The one that comes second in APISIX has the last word.
            ("ds", "/a/", Some(("/a/", None, None))),
            ("m", "/a%2fb", Some(("/a/b", Some("/a%2Fb"), None))),
            ("m", "/a%2F..%2Fb", Some(("/b", None, None))),
            ("dm", "/a%2Fb/", Some(("/a/b", None, None))),
        ];
        for (letters, raw, expected) in cases {
            let applied = rules(letters).apply(raw, uri::normalize(raw).unwrap());
            let applied = applied.as_ref().map(|a| (&*a.path, a.asked.as_deref(), a.forwarded.as_deref()));
            assert_eq!(applied, expected, "{letters} {raw}");
        }
    }
}
