//! Columns that repeat what is proven elsewhere: they are what people filter by, so they must say the same.

use crate::backend::evidence::{EventEvidence, StoredCheckpoint};
use crate::proof::Checkpoint;
use crate::proof::check::Claims;
use crate::proof::log::unsigned;
use crate::proof::report::{Failure, Kind};
use crate::proof::trusted::Roots;

/// Compares the columns of an event with its entry, and the ordinals of its changes with their order.
pub(super) fn of_event(event: &EventEvidence, claims: &Claims) -> Result<(), Failure> {
    let columns = &event.columns;
    let resource = claims.resource.as_ref();
    let same = [
        ("event_id", columns.event_id == claims.event_id),
        ("recorded_at", columns.recorded_at == claims.recorded_at),
        ("action", columns.action == claims.action),
        ("outcome", columns.outcome == claims.outcome),
        ("actor_id", columns.actor_id == claims.actor.id),
        ("actor_kind", columns.actor_kind == claims.actor.kind),
        ("gateway_group", columns.gateway_group == claims.gateway_group),
        ("resource_kind", columns.resource_kind.as_deref() == resource.map(|resource| resource.kind.as_str())),
        ("resource_id", columns.resource_id.as_deref() == resource.map(|resource| resource.id.as_str())),
        ("request_id", columns.request_id == claims.request_id),
        ("causation_revision", columns.causation_revision == claims.causation_revision),
    ];
    if let Some((name, _)) = same.iter().find(|(_, same)| !same) {
        let what = format!("the column {name} of events says something else than the entry");
        return Err(Failure::at(columns.revision, Kind::Column, what));
    }
    if event.changes.iter().zip(0..).any(|(change, ordinal)| change.ordinal != ordinal) {
        let what = "the column ordinal of changes does not count from 0";
        return Err(Failure::at(columns.revision, Kind::Column, what));
    }
    Ok(())
}

/// Compares the columns of the checkpoints with their notes, which are signed.
pub(super) fn of_checkpoints(stored: &[StoredCheckpoint], roots: &Roots) -> Result<(), Failure> {
    for row in stored {
        let text = row.note.rfind("\n\n").and_then(|end| Checkpoint::parse(&row.note[..=end]));
        let same = text.is_some_and(|text| text.size == unsigned(row.size) && text.root == row.root.as_slice());
        if !same || !roots.by_size.contains_key(&unsigned(row.size)) {
            let what = format!("the row of checkpoint {} says something else than its note", row.size);
            return Err(Failure::of(Kind::Checkpoint, what));
        }
    }
    Ok(())
}
