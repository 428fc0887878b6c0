//! What accounts for a payload that is no longer there: the events that prune and erase, read from their entries, less what a legal
//! hold forbade. The verifiers and the deletion itself go by the same rules (docs/audit/README.md).

use std::collections::BTreeMap;

use super::ranges::Ranges;
use super::scope::{ACTOR, REVISIONS, Scope, Subject};
use crate::proof::check::Claims;

/// Actions of the events that account for something.
pub(crate) const PRUNE: &str = "audit.prune";
pub(crate) const ERASE: &str = "audit.erase";
pub(crate) const HOLD: &str = "audit.hold";
pub(crate) const RELEASE: &str = "audit.release";

/// What such an event does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Contexts and changes of these revisions go, as far as they are not needed.
    Prune(Ranges),
    /// The contexts of an actor's events before this one go.
    Erase(String),
    /// A legal hold begins.
    Hold(Scope),
    /// The hold that was set by this revision ends.
    Release(i64),
}

/// The deeds of a log, by revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accounts {
    deeds: BTreeMap<i64, Deed>,
    /// Of each hold, the revision that released it.
    released: BTreeMap<i64, i64>,
}

// === impl Deed ===

impl Deed {
    /// What the event of an entry does; `None` for events that account for nothing.
    pub(crate) fn of(claims: &Claims) -> Option<Self> {
        if claims.outcome != "success" {
            return None;
        }
        let resource = claims.resource.as_ref();
        let named = |kind: &str| resource.filter(|resource| resource.kind == kind).map(|resource| resource.id.as_str());
        match claims.action.as_str() {
            PRUNE => Ranges::parse(named(REVISIONS)?).map(Self::Prune),
            ERASE => named(ACTOR).map(|actor| Self::Erase(actor.to_owned())),
            HOLD => Scope::of(resource?, claims.gateway_group.as_deref()).map(Self::Hold),
            RELEASE => claims.causation_revision.map(Self::Release),
            _ => None,
        }
    }
}

// === impl Accounts ===

impl Accounts {
    pub(crate) fn add(&mut self, revision: i64, deed: Deed) {
        if let Deed::Release(hold) = deed {
            self.released.entry(hold).or_insert(revision);
        }
        self.deeds.insert(revision, deed);
    }

    pub(crate) fn get(&self, revision: i64) -> Option<&Deed> {
        self.deeds.get(&revision)
    }

    /// The last one.
    pub(crate) fn last(&self) -> i64 {
        self.deeds.keys().next_back().copied().unwrap_or(0)
    }

    /// The holds in force when the event of a revision was appended, with the revisions that set them.
    pub(crate) fn holds_at(&self, revision: i64) -> impl Iterator<Item = (i64, &Scope)> {
        self.deeds.range(..revision).filter_map(move |(at, deed)| match deed {
            Deed::Hold(scope) if self.released.get(at).is_none_or(|end| *end >= revision) => Some((*at, scope)),
            _ => None,
        })
    }

    /// Whether a hold that was in force at a revision forbids to touch an event. A hold covers its own event, too.
    pub(crate) fn held_at(&self, revision: i64, event: &Subject<'_>) -> bool {
        self.holds_at(revision).any(|(at, scope)| at == event.revision || scope.covers(event))
    }

    /// The last event that prunes all revisions up to one, if no hold was released after it: what is left of them may go by it.
    pub(crate) fn pruned(&self, last: i64) -> Option<i64> {
        let mut latest = self.deeds.iter().rev().take_while(|(_, deed)| !matches!(deed, Deed::Release(_)));
        latest.find(|(_, deed)| matches!(deed, Deed::Prune(revisions) if revisions.cover(1, last))).map(|(at, _)| *at)
    }

    /// The event that accounts for a context that is gone.
    pub(crate) fn context(&self, event: &Subject<'_>) -> Option<i64> {
        self.find(event, |deed| match deed {
            Deed::Prune(revisions) => revisions.contains(event.revision),
            Deed::Erase(actor) => actor == event.actor,
            _ => false,
        })
    }

    /// The event that accounts for changes that are gone.
    pub(crate) fn changes(&self, event: &Subject<'_>) -> Option<i64> {
        self.find(event, |deed| match deed {
            Deed::Prune(revisions) => revisions.contains(event.revision),
            _ => false,
        })
    }

    fn find(&self, event: &Subject<'_>, allows: impl Fn(&Deed) -> bool) -> Option<i64> {
        let later = self.deeds.range(event.revision + 1..);
        let mut found = later.filter(|(at, deed)| allows(deed) && !self.held_at(**at, event));
        found.next().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(revision: i64, actor: &str) -> Subject<'_> {
        Subject { revision, actor, group: Some("prod"), kind: Some("route"), id: Some("1") }
    }

    #[test]
    fn a_hold_wins_while_it_is_in_force() {
        let mut accounts = Accounts::default();
        accounts.add(10, Deed::Hold(Scope::Actor("ann".into())));
        accounts.add(11, Deed::Prune(Ranges::between(1, 5)));
        assert_eq!((accounts.context(&event(3, "ann")), accounts.context(&event(3, "bob"))), (None, Some(11)));
        assert_eq!(accounts.context(&event(6, "bob")), None, "not in the range");
        accounts.add(12, Deed::Release(10));
        assert_eq!(accounts.changes(&event(3, "ann")), None, "released after the deed");
        accounts.add(13, Deed::Prune(Ranges::between(1, 5)));
        assert_eq!(accounts.changes(&event(3, "ann")), Some(13));
        accounts.add(14, Deed::Erase("bob".into()));
        assert_eq!((accounts.context(&event(13, "bob")), accounts.changes(&event(13, "bob"))), (Some(14), None));
        assert_eq!(accounts.context(&event(15, "bob")), None, "an event accounts for what is older");
    }

    #[test]
    fn a_pruning_goes_on_by_its_event_until_a_hold_is_released() {
        let mut accounts = Accounts::default();
        accounts.add(10, Deed::Hold(Scope::Actor("ann".into())));
        accounts.add(11, Deed::Prune(Ranges::between(1, 5)));
        accounts.add(12, Deed::Erase("bob".into()));
        assert_eq!((accounts.pruned(5), accounts.pruned(4), accounts.pruned(6)), (Some(11), Some(11), None));
        accounts.add(13, Deed::Release(10));
        assert_eq!(accounts.pruned(5), None, "what was held can't go by it");
    }

    #[test]
    fn a_hold_covers_by_resource_group_and_revision() {
        let resource = |group: Option<&str>| Scope::Resource {
            group: group.map(str::to_owned),
            kind: "route".into(),
            id: "1".into(),
        };
        for (scope, covers) in [
            (resource(None), true),
            (resource(Some("prod")), true),
            (resource(Some("dev")), false),
            (Scope::Group("prod".into()), true),
            (Scope::Group("dev".into()), false),
            (Scope::Revisions { first: 3, last: 3 }, true),
            (Scope::Revisions { first: 4, last: 9 }, false),
        ] {
            let (named, group) = scope.named();
            assert_eq!(Scope::of(&named, group.as_deref()), Some(scope.clone()));
            let mut accounts = Accounts::default();
            accounts.add(7, Deed::Hold(scope.clone()));
            accounts.add(9, Deed::Prune(Ranges::between(1, 8)));
            assert_eq!(accounts.changes(&event(3, "ann")).is_none(), covers, "{scope:?}");
            assert_eq!(accounts.context(&event(7, "ann")), None, "its own event");
        }
    }
}
