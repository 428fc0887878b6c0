//! Finds the route of a request. Usually by host first (exact, then the longest wildcard, then routes without a host), then
//! path (exact, then the longest prefix), then the other conditions, by priority: the results of APISIX's
//! `radixtree_host_uri`. With the other two routers of APISIX the path comes first and the host is a condition.
//!
//! Every structure here is persistent: a change copies the nodes on its way and shares the rest with the router
//! that is in use, so that one changed route among many thousands costs microseconds.

use std::sync::Arc;

use crate::context::Context;
use crate::resource::Route;
use crate::tree::Tree;

mod matcher;
mod pattern;

pub use matcher::{Matcher, MatcherError, MatcherSpec};
pub use pattern::Pattern;

/// The routes of one snapshot, ready to be looked up.
#[derive(Debug, Clone, Default)]
pub struct Router {
    exact_hosts: Tree<HostPaths>,
    /// Keyed by the reversed rest of the host after `*`, so that the longest match is the longest prefix.
    wildcard_hosts: Tree<HostPaths>,
    any_host: Paths,
}

#[derive(Debug, Clone)]
struct HostPaths {
    pattern: Arc<str>,
    paths: Paths,
}

/// Routes of one host by path.
#[derive(Debug, Clone, Default)]
struct Paths {
    exact: Tree<Vec<Entry>>,
    prefix: Tree<Vec<Entry>>,
}

/// One route under one of its paths.
#[derive(Debug, Clone)]
struct Entry {
    pattern: Arc<Pattern>,
    route: Arc<Route>,
}

/// What was found.
#[derive(Debug)]
pub struct Found<'r> {
    /// The route.
    pub route: &'r Route,
    /// Its path that matched, as configured.
    pub path: &'r str,
    /// Its host that matched, as configured, or empty.
    pub host: &'r str,
    /// Values of `:name` segments.
    pub params: Vec<(&'r str, String)>,
}

// === impl Router ===

impl Router {
    /// Adds a route under all its hosts and paths.
    pub fn insert(&mut self, route: &Arc<Route>) {
        self.visit(route, |paths, pattern| paths.insert(pattern, route));
    }

    /// Takes a route out again; it must be the one that was inserted.
    pub fn remove(&mut self, route: &Arc<Route>) {
        self.visit(route, |paths, pattern| paths.remove(pattern, &route.id));
    }

    fn visit(&mut self, route: &Arc<Route>, mut change: impl FnMut(&mut Paths, &Arc<Pattern>)) {
        let matcher = &route.matcher;
        if matcher.hosts.is_empty() || matcher.by_path {
            for pattern in &matcher.paths {
                change(&mut self.any_host, pattern);
            }
            return;
        }
        for host in &matcher.hosts {
            let (tree, key) = match host.strip_prefix('*') {
                Some(rest) => (&mut self.wildcard_hosts, reversed(rest)),
                None => (&mut self.exact_hosts, host.to_string()),
            };
            tree.update(key.as_bytes(), |slot| {
                let entry = slot.get_or_insert_with(|| HostPaths { pattern: host.clone(), paths: Paths::default() });
                matcher.paths.iter().for_each(|pattern| change(&mut entry.paths, pattern));
                if entry.paths.is_empty() {
                    *slot = None;
                }
            });
        }
    }

    /// The route for this request.
    #[must_use]
    pub fn find<'r>(&'r self, context: &Context<'_>) -> Option<Found<'r>> {
        let host = context.request.host();
        let path = context.request.asked_path();
        if let Some(exact) = self.exact_hosts.get(host.as_bytes())
            && let Some(found) = exact.paths.find(path, &exact.pattern, context)
        {
            return Some(found);
        }
        if !self.wildcard_hosts.is_empty() {
            let reversed = reversed(host);
            let mut candidates = self.wildcard_hosts.prefixes(reversed.as_bytes());
            while let Some(candidate) = candidates.pop() {
                if let Some(found) = candidate.paths.find(path, &candidate.pattern, context) {
                    return Some(found);
                }
            }
        }
        let mut found = self.any_host.find(path, "", context)?;
        found.host = found.route.matcher.host_of(context).unwrap_or_default();
        Some(found)
    }
}

// === impl Paths ===

impl Paths {
    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefix.is_empty()
    }

    fn tree(&mut self, pattern: &Pattern) -> &mut Tree<Vec<Entry>> {
        if pattern.is_exact() { &mut self.exact } else { &mut self.prefix }
    }

    fn insert(&mut self, pattern: &Arc<Pattern>, route: &Arc<Route>) {
        self.tree(pattern).update(pattern.key().as_bytes(), |slot| {
            // Most paths have one route, and there may be very many paths.
            let entries = slot.get_or_insert_with(|| Vec::with_capacity(1));
            let entry = Entry { pattern: pattern.clone(), route: route.clone() };
            let at = entries.partition_point(|other| other.rank() <= entry.rank());
            entries.insert(at, entry);
        });
    }

    fn remove(&mut self, pattern: &Arc<Pattern>, id: &str) {
        self.tree(pattern).update(pattern.key().as_bytes(), |slot| {
            if let Some(entries) = slot {
                entries.retain(|entry| *entry.route.id != *id || entry.pattern.text() != pattern.text());
                if entries.is_empty() {
                    *slot = None;
                }
            }
        });
    }

    fn find<'r>(&'r self, path: &str, host: &'r str, context: &Context<'_>) -> Option<Found<'r>> {
        let found = |entry: &'r Entry, params| Found { route: &entry.route, path: entry.pattern.text(), host, params };
        if let Some(entries) = self.exact.get(path.as_bytes())
            && let Some(entry) = entries.iter().find(|entry| entry.route.matcher.accepts(context))
        {
            return Some(found(entry, Vec::new()));
        }
        let mut candidates = self.prefix.prefixes(path.as_bytes());
        while let Some(entries) = candidates.pop() {
            for entry in entries {
                if entry.route.matcher.accepts(context)
                    && let Some(params) = entry.pattern.params(path)
                {
                    return Some(found(entry, params));
                }
            }
        }
        None
    }
}

// === impl Entry ===

impl Entry {
    /// Order among the routes of one path: priority, then the longer pattern, then the id.
    fn rank(&self) -> (std::cmp::Reverse<i64>, std::cmp::Reverse<usize>, &str) {
        (std::cmp::Reverse(self.route.matcher.priority), std::cmp::Reverse(self.pattern.text().len()), &self.route.id)
    }
}

fn reversed(host: &str) -> String {
    host.chars().rev().collect()
}

#[cfg(test)]
mod scale;
#[cfg(test)]
mod tests;
