//! The Merkle tree over all lines of a chain (RFC 6962, section 2.1): one hash for the whole record, and short proofs that a line is in it.

use sha2::{Digest, Sha256};

/// A node of the tree.
pub type Hash = [u8; 32];

/// The hash of a leaf, which is a raw line without its line feed.
pub fn leaf(line: &[u8]) -> Hash {
    Sha256::new_with_prefix([0]).chain_update(line).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A tree that grows by one leaf at a time and keeps only the roots of its full subtrees.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    size: u64,
    /// Roots of full subtrees, largest first; one for each bit of `size`.
    peaks: Vec<Hash>,
}

impl Tree {
    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut grown = leaf;
        let mut level = self.size;
        while level & 1 == 1 {
            if let Some(left) = self.peaks.pop() {
                grown = node(&left, &grown);
            }
            level >>= 1;
        }
        self.peaks.push(grown);
        self.size += 1;
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all leaves so far; that of an empty tree is the hash of nothing.
    pub fn root(&self) -> Hash {
        let joined = self.peaks.iter().rev().copied().reduce(|right, left| node(&left, &right));
        joined.unwrap_or_else(|| Sha256::digest([]).into())
    }
}

/// The proof that the leaf at `index` is in the tree over `leaves`: its sibling hashes from the bottom up. `None` when there is no such leaf.
pub fn inclusion(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let mut proof = Vec::new();
    collect(leaves, index, &mut proof);
    Some(proof)
}

fn collect(leaves: &[Hash], index: usize, proof: &mut Vec<Hash>) {
    if leaves.len() < 2 {
        return;
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    if index < left.len() {
        collect(left, index, proof);
        proof.push(root_of(right));
    } else {
        collect(right, index - left.len(), proof);
        proof.push(root_of(left));
    }
}

fn root_of(leaves: &[Hash]) -> Hash {
    let mut tree = Tree::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    tree.root()
}

/// Whether the proof shows that `leaf` is at `index` of the tree with `size` leaves and this root (the algorithm of RFC 9162, section 2.1.3.2).
pub fn check_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recursive definition of the RFC, word for word.
    fn naive(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [only] => *only,
            _ => {
                let mut split = 1;
                while split * 2 < leaves.len() {
                    split *= 2;
                }
                node(&naive(&leaves[..split]), &naive(&leaves[split..]))
            }
        }
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|at| leaf(at.to_string().as_bytes())).collect()
    }

    #[test]
    fn the_growing_tree_equals_the_definition() {
        let mut tree = Tree::default();
        assert_eq!(tree.root(), naive(&[]));
        for (at, leaf) in leaves(130).iter().enumerate() {
            tree.push(*leaf);
            assert_eq!(tree.root(), naive(&leaves(at + 1)), "{} leaves", at + 1);
        }
        assert_eq!(tree.size(), 130);
    }

    #[test]
    fn known_roots() {
        // The empty tree and the tree of one empty leaf, as published with RFC 6962 implementations.
        assert_eq!(hex::encode(Tree::default().root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hex::encode(leaf(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }

    #[test]
    fn proofs_hold_for_their_leaf_only() {
        for size in 1..40 {
            let leaves = leaves(size);
            let root = naive(&leaves);
            for index in 0..size {
                let proof = inclusion(&leaves, index).expect("inside");
                let holds =
                    |leaf, index: usize, size: usize, proof: &[Hash], root| check_inclusion(leaf, index as u64, size as u64, proof, root);
                assert!(holds(leaves[index], index, size, &proof, &root), "{index} of {size}");
                assert!(!holds(leaf(b"other"), index, size, &proof, &root));
                assert!(!holds(leaves[index], size, size, &proof, &root));
                assert!(!holds(leaves[index], index, size, &[&proof[..], &[root]].concat(), &root));
                if let Some((_, shorter)) = proof.split_last() {
                    assert!(!holds(leaves[index], index, size, shorter, &root));
                    assert!(!holds(leaves[index], index ^ 1, size, &proof, &root), "{index} of {size}, wrong place");
                }
            }
            assert_eq!(inclusion(&leaves, size), None);
        }
    }

    #[test]
    fn a_proof_in_a_million_stays_small() {
        let depth = 1_000_000_usize.next_power_of_two().trailing_zeros() as usize;
        assert!(depth * size_of::<Hash>() < 2_048);
    }
}
