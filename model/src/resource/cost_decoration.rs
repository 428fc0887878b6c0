//! What parts of a GraphQL schema cost.

use serde::Deserialize;

use crate::{Id, lenient};

/// What a part of a service's GraphQL schema costs: what stands below it times `mul`, and `add` on top.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct CostDecoration {
    /// The service that it belongs to; the key of the key space names it too.
    #[serde(default)]
    pub service_id: Option<Id>,
    /// A type, a field of a type, or a chain of fields from the root.
    pub field_path: String,
    /// What the field itself costs.
    #[serde(default = "one")]
    pub add_value: f64,
    /// Arguments whose values are added to that.
    #[serde(default, deserialize_with = "lenient::list")]
    pub add_arguments: Vec<String>,
    /// What the cost of everything below is multiplied by.
    #[serde(default = "one")]
    pub mul_value: f64,
    /// Arguments whose values are multiplied with that.
    #[serde(default, deserialize_with = "lenient::list")]
    pub mul_arguments: Vec<String>,
}

fn one() -> f64 {
    1.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_it_uses() {
        let read = |document| serde_json::from_value::<CostDecoration>(document).unwrap();
        let plain = read(json!({"id": 1, "field_path": "Query.products", "add_arguments": {}}));
        assert_eq!((plain.add_value, plain.mul_value, plain.add_arguments.len()), (1.0, 1.0, 0));
        let full = read(json!({"field_path": "a", "service_id": 7, "mul_value": 0, "mul_arguments": ["first"]}));
        assert_eq!((full.mul_value, full.mul_arguments), (0.0, vec!["first".to_owned()]));
        assert_eq!(full.service_id.unwrap().as_str(), "7");
    }
}
