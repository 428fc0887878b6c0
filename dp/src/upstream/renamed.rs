//! The hash ring of nodes that are named. APISIX makes its ring of addresses, after the names are resolved; so a request
//! goes to the same node here only if this ring is made of them too, and made anew when they change. Of several
//! addresses of a name the ring has the first in order (APISIX: one by chance).

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use futures_util::future::join_all;
use portolan_model::resource::Balancer as Kind;
use tokio::time::timeout;

use super::Node;
use super::balance::{Balancer, Member};
use super::dns::Dns;

/// A ring for the addresses of the moment.
#[derive(Debug)]
pub(super) struct Renamed {
    /// Priority and weight of each node.
    shares: Vec<(i32, u32)>,
    current: ArcSwap<Made>,
}

#[derive(Debug)]
pub(super) struct Made {
    /// Address of each node that is a name and has one.
    addresses: Vec<Option<IpAddr>>,
    balancer: Balancer,
}

/// Asks for names that are not known yet. One that has no address is left out of the ring.
pub(super) async fn resolve(nodes: &[Arc<Node>], dns: &Dns, patience: Duration) {
    let names = nodes.iter().filter(|node| node.address.is_none());
    let lookups = join_all(names.map(|node| dns.lookup(&node.host)));
    // Who is not known by then has no place in the ring.
    timeout(patience, lookups).await.ok();
}

// === impl Renamed ===

impl Renamed {
    pub(super) fn new(members: &[Member<'_>]) -> Self {
        let made = Made { addresses: Vec::new(), balancer: Balancer::new(&Kind::Chash, &[]) };
        let shares = members.iter().map(|member| (member.priority, member.weight)).collect();
        Self { shares, current: ArcSwap::from_pointee(made) }
    }

    /// The balancer for the addresses that the names have now.
    pub(super) fn balancer(&self, nodes: &[Arc<Node>], dns: &Dns) -> Current {
        let current = self.current.load();
        let known = nodes.iter().map(|node| dns.known(&node.host).filter(|_| node.address.is_none()));
        if current.addresses.len() == nodes.len() && current.addresses.iter().copied().eq(known.clone()) {
            return Current(current);
        }
        // Workers that come here at once make the same.
        let addresses: Vec<_> = known.collect();
        let name = |(node, address): (&Arc<Node>, &Option<IpAddr>)| match address {
            Some(address) => SocketAddr::new(*address, node.port).to_string(),
            None => node.name(),
        };
        let unknown = |at: usize| nodes[at].address.is_none() && addresses[at].is_none();
        let members = nodes.iter().zip(&addresses).zip(&self.shares).enumerate().map(|(at, (place, share))| Member {
            name: Cow::Owned(name(place)),
            priority: share.0,
            weight: if unknown(at) { 0 } else { share.1 },
            load: None,
        });
        let balancer = Balancer::new(&Kind::Chash, &members.collect::<Vec<_>>());
        self.current.store(Arc::new(Made { addresses, balancer }));
        Current(self.current.load())
    }
}

/// See [`Renamed::balancer`].
pub(super) struct Current(Guard<Arc<Made>>);

impl std::ops::Deref for Current {
    type Target = Balancer;

    fn deref(&self) -> &Balancer {
        &self.0.balancer
    }
}

#[cfg(test)]
mod tests;
