//! `--set section.key=value` of `up`, and which half it is for.

use serde_json::{Map, Value};

use super::Half;

/// One setting from the command line or the environment.
#[derive(Debug)]
pub struct Set {
    half: Option<Half>,
    path: Vec<String>,
    value: Value,
}

// === impl Set ===

impl Set {
    /// Reads `[cp.|dp.]section.key=value`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((name, value)) = text.split_once('=') else {
            return Err(format!("--set {text}: section.key=value is expected"));
        };
        let mut path: Vec<String> = name.split('.').map(str::to_owned).collect();
        let half = match path[0].as_str() {
            "cp" => Some(Half::Cp),
            "dp" => Some(Half::Dp),
            _ => None,
        };
        if half.is_some() {
            path.remove(0);
        }
        if path.len() < 2 || path.iter().any(String::is_empty) {
            return Err(format!("--set {text}: section.key=value is expected"));
        }
        Ok(Self { half, path, value: scalar(value) })
    }

    /// Whether this sets `section.key` or something inside it.
    pub fn names(&self, section: &str, key: &str) -> bool {
        self.path[0] == section && self.path[1] == key
    }

    /// The halves it is for: the named one; else those that have the setting, else those that have the section. A name that
    /// neither has goes to both, and their check of the configuration says what is allowed.
    pub fn halves(&self, cp: &Value, dp: &Value) -> Vec<Half> {
        if let Some(half) = self.half {
            return vec![half];
        }
        let with = |test: &dyn Fn(&Value) -> bool| {
            let mut halves = Vec::new();
            halves.extend(test(cp).then_some(Half::Cp));
            halves.extend(test(dp).then_some(Half::Dp));
            halves
        };
        let has_key = with(&|half| half[&self.path[0]].get(&self.path[1]).is_some());
        let has_section = with(&|half| half.get(&self.path[0]).is_some());
        [has_key, has_section].into_iter().find(|halves| !halves.is_empty()).unwrap_or_else(|| vec![Half::Cp, Half::Dp])
    }

    /// Puts the value into a half's settings.
    pub fn apply(&self, half: &mut Value) -> Result<(), String> {
        let mut place = half;
        for name in &self.path {
            place = match place {
                Value::Array(list) => {
                    let length = list.len();
                    let item = name.parse().ok().and_then(|index: usize| list.get_mut(index));
                    item.ok_or_else(|| {
                        format!("--set {}: there are {length} items, counted from 0", self.path.join("."))
                    })?
                }
                Value::Object(map) => map.entry(name.as_str()).or_insert(Value::Null),
                Value::Null => {
                    *place = Value::Object(Map::new());
                    &mut place[name.as_str()]
                }
                _ => return Err(format!("--set {}: {name} stands inside a plain value", self.path.join("."))),
            };
        }
        *place = self.value.clone();
        Ok(())
    }
}

/// `PORTOLAN_SECTION__KEY=value` as texts for [`Set::parse`]. The children do not inherit these names: what `up` knows stands in
/// their files.
pub fn from_environment(env: impl IntoIterator<Item = (String, String)>) -> Vec<String> {
    let mut sets: Vec<String> = env
        .into_iter()
        .filter(|(name, _)| is_setting(name))
        .map(|(name, value)| format!("{}={value}", name["PORTOLAN_".len()..].replace("__", ".").to_lowercase()))
        .collect();
    sets.sort();
    sets
}

/// Whether an environment variable is a setting.
pub fn is_setting(name: &str) -> bool {
    name.strip_prefix("PORTOLAN_").is_some_and(|rest| rest.contains("__"))
}

/// A value as YAML reads it; what YAML can't read is a text.
fn scalar(text: &str) -> Value {
    match yaml_serde::from_str(text) {
        Ok(Value::Null) | Err(_) => Value::String(text.to_owned()),
        Ok(value) => value,
    }
}
