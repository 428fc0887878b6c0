//! A persistent radix tree over bytes: copies share all nodes but those on the way to a change.

use std::sync::Arc;

/// The tree. Cloning it is cheap, changing a clone leaves the original as it was.
#[derive(Debug)]
pub struct Tree<T> {
    root: Option<Arc<Node<T>>>,
}

#[derive(Debug, Clone)]
struct Node<T> {
    /// Bytes of the key between the parent and this node.
    label: Box<[u8]>,
    value: Option<T>,
    /// First byte of each child's label, sorted; `children[i]` belongs to `index[i]`.
    index: Vec<u8>,
    children: Vec<Arc<Node<T>>>,
}

/// Values on the way to a key, shortest first. Few paths pass more than a handful.
pub struct Prefixes<'t, T> {
    inline: [Option<&'t T>; 8],
    length: usize,
    more: Vec<&'t T>,
}

// === impl Tree ===

impl<T> Default for Tree<T> {
    fn default() -> Self {
        Self { root: None }
    }
}

impl<T> Clone for Tree<T> {
    fn clone(&self) -> Self {
        Self { root: self.root.clone() }
    }
}

impl<T: Clone> Tree<T> {
    /// Whether there is no value at all.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The value of exactly this key.
    pub fn get(&self, key: &[u8]) -> Option<&T> {
        let mut node = self.root.as_deref()?;
        let mut rest = key.strip_prefix(&*node.label)?;
        while let Some(first) = rest.first() {
            node = node.child(*first)?;
            rest = rest.strip_prefix(&*node.label)?;
        }
        node.value.as_ref()
    }

    /// The values of all keys that this key begins with.
    pub fn prefixes(&self, key: &[u8]) -> Prefixes<'_, T> {
        let mut found = Prefixes { inline: [None; 8], length: 0, more: Vec::new() };
        let mut next = self.root.as_deref();
        let mut rest = key;
        while let Some(node) = next {
            let Some(after) = rest.strip_prefix(&*node.label) else { break };
            rest = after;
            if let Some(value) = &node.value {
                found.push(value);
            }
            next = rest.first().and_then(|first| node.child(*first));
        }
        found
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> Vec<&T> {
        let mut all = Vec::new();
        let mut left: Vec<&Node<T>> = self.root.as_deref().into_iter().collect();
        while let Some(node) = left.pop() {
            all.extend(&node.value);
            left.extend(node.children.iter().rev().map(|child| &**child));
        }
        all
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: &str, value: T) {
        self.update(key.as_bytes(), |slot| *slot = Some(value));
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) {
        self.update(key.as_bytes(), |slot| *slot = None);
    }

    /// Changes the value of a key, which may come into being or go.
    pub fn update(&mut self, key: &[u8], change: impl FnOnce(&mut Option<T>)) {
        let root = self.root.get_or_insert_with(|| Arc::new(Node::leaf(&[])));
        Arc::make_mut(root).update(key, change);
        if root.value.is_none() && root.children.is_empty() {
            self.root = None;
        }
    }
}

// === impl Node ===

impl<T> Node<T> {
    fn leaf(label: &[u8]) -> Self {
        Self { label: label.into(), value: None, index: Vec::new(), children: Vec::new() }
    }

    fn child(&self, first: u8) -> Option<&Self> {
        let at = self.index.iter().position(|byte| *byte == first)?;
        Some(&self.children[at])
    }
}

impl<T: Clone> Node<T> {
    /// `key` is what follows this node's label.
    fn update(&mut self, key: &[u8], change: impl FnOnce(&mut Option<T>)) {
        let Some(first) = key.first() else {
            change(&mut self.value);
            return;
        };
        let at = match self.index.binary_search(first) {
            Ok(at) => {
                let child = Arc::make_mut(&mut self.children[at]);
                let common = common_prefix(&child.label, key);
                if common < child.label.len() {
                    child.split(common);
                }
                at
            }
            Err(at) => {
                self.index.insert(at, *first);
                self.children.insert(at, Arc::new(Self::leaf(key)));
                at
            }
        };
        let child = Arc::make_mut(&mut self.children[at]);
        let length = child.label.len();
        child.update(&key[length..], change);
        if child.value.is_none() {
            match child.children.len() {
                0 => {
                    self.index.remove(at);
                    self.children.remove(at);
                }
                1 => child.merge_with_only_child(),
                _ => {}
            }
        }
    }

    /// Makes this node end after `at` bytes of its label; the rest becomes its only child.
    fn split(&mut self, at: usize) {
        let tail: Box<[u8]> = self.label[at..].into();
        let first = tail[0];
        let lower = Self {
            label: tail,
            value: self.value.take(),
            index: std::mem::take(&mut self.index),
            children: std::mem::take(&mut self.children),
        };
        self.label = self.label[..at].into();
        self.index.push(first);
        self.children.push(Arc::new(lower));
    }

    fn merge_with_only_child(&mut self) {
        self.index.clear();
        if let Some(only) = self.children.pop() {
            let mut only = Arc::unwrap_or_clone(only);
            only.label = [&*self.label, &*only.label].concat().into();
            *self = only;
        }
    }
}

// === impl Prefixes ===

impl<'t, T> Prefixes<'t, T> {
    fn push(&mut self, value: &'t T) {
        match self.inline.get_mut(self.length) {
            Some(slot) => *slot = Some(value),
            None => self.more.push(value),
        }
        self.length += 1;
    }

    /// Takes the longest that is left.
    pub fn pop(&mut self) -> Option<&'t T> {
        self.length = self.length.checked_sub(1)?;
        match self.more.pop() {
            Some(value) => Some(value),
            None => self.inline[self.length],
        }
    }
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

#[cfg(test)]
impl<T> Tree<T> {
    /// How many nodes and bytes of their indexes a look at this key passes.
    pub(crate) fn steps(&self, key: &[u8]) -> usize {
        let (mut next, mut rest, mut steps) = (self.root.as_deref(), key, 0);
        while let Some(node) = next {
            let Some(after) = rest.strip_prefix(&*node.label) else { break };
            rest = after;
            next = rest.first().and_then(|first| node.child(*first));
            let at = rest.first().and_then(|first| node.index.iter().position(|byte| byte == first));
            steps += 1 + at.unwrap_or(node.index.len());
        }
        steps
    }

    /// How many nodes are not those of this earlier version.
    pub(crate) fn copied_since(&self, before: &Self) -> usize {
        fn all<T>(tree: &Tree<T>) -> impl Iterator<Item = *const Node<T>> {
            let mut left: Vec<&Arc<Node<T>>> = tree.root.iter().collect();
            std::iter::from_fn(move || {
                let node = left.pop()?;
                left.extend(&node.children);
                Some(Arc::as_ptr(node))
            })
        }
        let before: std::collections::HashSet<_> = all(before).collect();
        all(self).filter(|node| !before.contains(node)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn all_prefixes(tree: &Tree<String>, key: &str) -> Vec<String> {
        let mut found = tree.prefixes(key.as_bytes());
        std::iter::from_fn(|| found.pop().cloned()).collect()
    }

    #[test]
    fn behaves_like_a_map_and_leaves_copies_alone() {
        // A small deterministic generator: the keys share prefixes often.
        let mut seed = 7_u64;
        let mut next = |limit: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % limit
        };
        let mut tree = Tree::default();
        let mut model = BTreeMap::new();
        let mut history = Vec::new();
        for round in 0..3000 {
            let key: String = (0..next(9)).map(|_| char::from(b'a' + next(3) as u8)).collect();
            if next(3) == 0 {
                tree.update(key.as_bytes(), |slot| *slot = None);
                model.remove(&key);
            } else {
                let value = format!("{key}#{round}");
                tree.update(key.as_bytes(), |slot| *slot = Some(value.clone()));
                model.insert(key.clone(), value);
            }
            if round % 500 == 0 {
                history.push((tree.clone(), model.clone()));
            }
            assert_eq!(tree.get(key.as_bytes()), model.get(&key));
        }
        history.push((tree, model));
        for (tree, model) in history {
            assert!(tree.values().into_iter().eq(model.values()));
            for (key, value) in &model {
                assert_eq!(tree.get(key.as_bytes()), Some(value));
                let expected: Vec<String> =
                    (0..=key.len()).rev().filter_map(|length| model.get(&key[..length]).cloned()).collect();
                assert_eq!(all_prefixes(&tree, key), expected, "{key}");
            }
        }
    }

    #[test]
    fn becomes_empty_again() {
        let mut tree = Tree::default();
        for key in ["abc", "abd", "a", ""] {
            tree.update(key.as_bytes(), |slot| *slot = Some(key.to_owned()));
        }
        for key in ["abc", "", "a", "abd"] {
            tree.update(key.as_bytes(), |slot| *slot = None);
        }
        assert!(tree.is_empty());
    }
}
