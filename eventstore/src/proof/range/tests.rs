//! Every leaf of every small tree, and every pair of sizes; the Certificate Transparency vectors of RFC 6962 logs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::merkle::leaf_hash;

const SIZES: u64 = 70;

fn leaves() -> Vec<Hash> {
    (0..SIZES).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier.root()
}

fn hashes(leaves: &[Hash], path: &[Range<u64>]) -> Vec<Hash> {
    path.iter().map(|range| root(&leaves[range.start as usize..range.end as usize])).collect()
}

#[test]
fn every_leaf_of_every_tree_is_included_and_no_other() {
    let leaves = leaves();
    for size in 1..=SIZES {
        let head = root(&leaves[..size as usize]);
        for index in 0..size {
            let path = hashes(&leaves, &inclusion(index, size));
            let leaf = &leaves[index as usize];
            assert!(check_inclusion(leaf, index, size, &path, &head), "{index} of {size}");
            assert!(!check_inclusion(leaf, index + 1, size, &path, &head));
            assert!(!check_inclusion(&[0; 32], index, size, &path, &head));
            if let Some((_, shorter)) = path.split_last() {
                assert!(!check_inclusion(leaf, index, size, shorter, &head));
            }
            assert!(!check_inclusion(leaf, index, size, &[path.as_slice(), &[[0; 32]]].concat(), &head));
        }
    }
}

#[test]
fn every_tree_continues_every_smaller_one_and_no_fork_of_it() {
    let leaves = leaves();
    for new in 1..=SIZES {
        let new_root = root(&leaves[..new as usize]);
        for old in 0..=new {
            let old_root = root(&leaves[..old as usize]);
            let path = hashes(&leaves, &consistency(old, new));
            assert!(check_consistency((old, &old_root), (new, &new_root), &path), "{old} of {new}");
            if old > 0 {
                assert!(!check_consistency((old, &[0; 32]), (new, &new_root), &path), "{old} of {new}");
                assert!(!check_consistency((old, &old_root), (new, &[0; 32]), &path), "{old} of {new}");
            }
            assert!(!check_consistency((old, &old_root), (new, &new_root), &[path.as_slice(), &[[0; 32]]].concat()));
        }
        assert!(!check_consistency((new + 1, &new_root), (new, &new_root), &[]));
    }
}

#[test]
fn a_range_is_covered_by_perfect_subtrees_that_rebuild_the_root() {
    let leaves = leaves();
    let hash =
        |node: &Node| root(&leaves[(node.index << node.level) as usize..((node.index + 1) << node.level) as usize]);
    for size in 1..=SIZES {
        for from in 0..size {
            for to in from + 1..=size {
                let left: Vec<Hash> = cover(0..from).iter().map(hash).collect();
                let mut tree = frontier(from, &left).unwrap();
                leaves[from as usize..to as usize].iter().for_each(|leaf| tree.push(*leaf));
                cover(to..size).iter().for_each(|node| tree.push_subtree(node.level, hash(node)));
                assert_eq!(tree.root(), root(&leaves[..size as usize]), "{from}..{to} of {size}");
                assert_eq!(tree.size(), size);
            }
        }
        let whole: Vec<Hash> = cover(0..size).iter().map(hash).collect();
        assert_eq!(fold(&whole), Some(root(&leaves[..size as usize])));
    }
    assert_eq!(cover(0..0), []);
    assert_eq!(cover(3..8).iter().map(|n| (n.level, n.index)).collect::<Vec<_>>(), [(0, 3), (2, 1)]);
}

/// Google's Argon 2020 log, as published in the test data of golang.org/x/mod/sumdb/tlog.
#[test]
fn a_consistency_proof_of_a_public_log_is_accepted() {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("argon2020.json")).unwrap();
    let hash =
        |text: &serde_json::Value| -> Hash { STANDARD.decode(text.as_str().unwrap()).unwrap().try_into().unwrap() };
    let path = |list: &serde_json::Value| list.as_array().unwrap().iter().map(hash).collect::<Vec<_>>();
    let (size, head) = (vectors["tree_size"].as_u64().unwrap(), hash(&vectors["root"]));
    let leaf = hash(&vectors["leaf_hash"]);
    assert!(check_inclusion(&leaf, 10_000, size, &path(&vectors["audit_path"]), &head));
    assert!(!check_inclusion(&leaf, 10_001, size, &path(&vectors["audit_path"]), &head));
    let old = hash(&vectors["old_root"]);
    assert!(check_consistency((3_654_490, &old), (size, &head), &path(&vectors["consistency"])));
    assert!(!check_consistency((3_654_491, &old), (size, &head), &path(&vectors["consistency"])));
}
