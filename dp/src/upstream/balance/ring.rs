//! Consistent hashing as APISIX does it: a node has 160 points on a ring for each unit of weight, a request belongs to the
//! next point at or after its own hash. A node that leaves or comes moves only its own share of the requests.

use super::turns::gcd;

/// Points of a unit of weight.
const POINTS: u64 = 160;
/// Most points of a ring. Weights that would need more are scaled down; APISIX would take minutes for them.
const MOST: u64 = 160 * 65_536;

/// Points in order: hash and node.
#[derive(Debug)]
pub(super) struct Ring {
    points: Vec<(u32, u32)>,
}

// === impl Ring ===

impl Ring {
    /// From the nodes with names and weights.
    pub(super) fn new<'n>(nodes: impl Iterator<Item = (usize, &'n str, u32)> + Clone) -> Self {
        let divisor = nodes.clone().fold(0, |all, (.., weight)| gcd(all, u64::from(weight))).max(1);
        let sum: u64 = nodes.clone().map(|(.., weight)| u64::from(weight) / divisor * POINTS).sum();
        let mut points = Vec::new();
        for (at, name, weight) in nodes {
            let Ok(at) = u32::try_from(at) else { continue };
            let mut count = u64::from(weight) / divisor * POINTS;
            if sum > MOST {
                count = (count * (MOST / POINTS) / (sum / POINTS)).max(POINTS);
            }
            let base = update(u32::MAX, name.replace(':', "\0").as_bytes());
            let mut previous = 0_u32;
            for _ in 0..count {
                previous = !update(base, &previous.to_le_bytes());
                points.push((previous, at));
            }
        }
        points.sort_by_key(|(hash, _)| *hash);
        Self { points }
    }

    /// The node of the first allowed point from this hash on.
    pub(super) fn pick(&self, hash: u32, allowed: impl Fn(usize) -> bool) -> Option<usize> {
        let start = self.points.partition_point(|(point, _)| *point < hash);
        let (before, from) = self.points.split_at(start);
        let mut last = None;
        from.iter().chain(before).map(|(_, node)| *node as usize).find(|node| {
            // Neighbours are often of one node: asking once is enough.
            let again = last.replace(*node) == Some(*node);
            !again && allowed(*node)
        })
    }
}

/// CRC-32 of a text, as zlib counts it.
#[must_use]
pub fn crc32(text: &[u8]) -> u32 {
    !update(u32::MAX, text)
}

fn update(crc: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(crc, |crc, byte| {
        let index = (crc ^ u32::from(*byte)) & 0xff;
        TABLE[index as usize] ^ (crc >> 8)
    })
}

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0_u32; 256];
    let mut at = 0_u32;
    while at < 256 {
        let mut value = at;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[at as usize] = value;
        at += 1;
    }
    table
}
