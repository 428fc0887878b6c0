//! What a schema says about lists.

use serde_json::Value;

use super::{Node, Outcome, equal};

#[derive(Clone, Debug, Default)]
pub(super) struct ArrayRules {
    pub(super) min: Option<usize>,
    pub(super) max: Option<usize>,
    pub(super) items: Option<Items>,
    pub(super) unique: Option<Unique>,
}

#[derive(Clone, Debug)]
pub(super) enum Items {
    /// All items.
    All(Node),
    /// One schema per item, and one for those beyond.
    Each(Vec<Node>, Option<Node>),
}

/// `uniqueItems: true`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unique;

// === impl ArrayRules ===

impl ArrayRules {
    pub(super) fn check(&self, value: &mut Value) -> Outcome {
        let mut none = Vec::new();
        let list = match value {
            Value::Array(list) => list,
            Value::Object(map) if map.is_empty() => &mut none,
            _ => return Ok(()),
        };
        if let Some(min) = self.min.filter(|min| list.len() < *min) {
            return Err(format!("expect array to have at least {min} items"));
        }
        if let Some(max) = self.max.filter(|max| list.len() > *max) {
            return Err(format!("expect array to have at most {max} items"));
        }
        match &self.items {
            Some(Items::All(node)) => check_items(list, 0, |_| Some(node), "item")?,
            Some(Items::Each(nodes, beyond)) => {
                check_items(list, 0, |index| nodes.get(index), "item")?;
                if matches!(beyond, Some(Node::Nothing)) && list.len() > nodes.len() {
                    return Err("found unexpected extra items in array".to_owned());
                }
                check_items(list, nodes.len(), |_| beyond.as_ref(), "additional item")?;
            }
            None => {}
        }
        if self.unique.is_some()
            && let Some((first, second)) = equal::first_repetition(list)
        {
            return Err(format!("expected unique items but items {first} and {second} are equal"));
        }
        Ok(())
    }
}

fn check_items<'a>(list: &mut [Value], skip: usize, node: impl Fn(usize) -> Option<&'a Node>, what: &str) -> Outcome {
    for (index, item) in list.iter_mut().enumerate().skip(skip) {
        let Some(node) = node(index) else { break };
        node.check(item).map_err(|error| format!("failed to validate {what} {}: {error}", index + 1))?;
    }
    Ok(())
}

/// `contains`: one item at least matches.
pub(super) fn contains(node: &Node, value: &mut Value) -> Outcome {
    match value {
        Value::Array(list) if list.is_empty() => Err("check contains: empty array is invalid".to_owned()),
        Value::Object(map) if map.is_empty() => Err("check contains: empty array is invalid".to_owned()),
        Value::Array(list) => {
            // Every item is looked at: looking fills in defaults.
            let matching = list.iter_mut().filter_map(|item| node.matches(item).then_some(())).count();
            if matching == 0 { Err("failed to check contains".to_owned()) } else { Ok(()) }
        }
        _ => Ok(()),
    }
}
