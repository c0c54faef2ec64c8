//! The tree's self-check: everything it promises about itself, compared with what is there.

use super::node::{NONE, Node};
use super::{Item, Key, Members, Tree};

impl Tree {
    /// Walks all nodes and leaves and compares them with what their parents say.
    pub(in super::super) fn check<M: Members>(&self, members: &M) {
        let (mut leaves, mut inners) = (Vec::new(), 0);
        let items = self.check_node(self.root, 0, &mut leaves, &mut inners);
        assert_eq!(items, self.len);
        assert_eq!(leaves.len(), self.leaves.len(), "arenas are dense");
        assert_eq!(inners, self.inners.len(), "arenas are dense");
        let mut prev = NONE;
        let mut last: Option<Item> = None;
        for (n, &id) in leaves.iter().enumerate() {
            let leaf = &self.leaves[id];
            assert_eq!(leaf.prev, prev);
            assert_eq!(leaf.next, leaves.get(n + 1).copied().unwrap_or(NONE));
            prev = id;
            for at in 0..leaf.len() {
                let item = leaf.item(at);
                if let Some(last) = last {
                    let member = members.member(last.handle);
                    let key = Key {
                        score: last.score,
                        member,
                        members,
                    };
                    assert!(key.compare(item.score, item.handle).is_lt());
                }
                last = Some(item);
            }
        }
    }

    fn check_node(&self, id: u32, level: u32, leaves: &mut Vec<u32>, inners: &mut usize) -> u32 {
        if level == self.height {
            leaves.push(id);
            assert!(self.height == 0 || self.leaves[id].len() > 0);
            return self.leaves[id].items();
        }
        *inners += 1;
        let inner = &self.inners[id];
        assert!(inner.len() > usize::from(level == 0));
        for (at, &child) in inner.children().iter().enumerate() {
            let first = match level + 1 == self.height {
                true => self.leaves[child].first(),
                false => self.inners[child].first(),
            };
            assert_eq!(first, inner.min(at));
            assert_eq!(
                self.check_node(child, level + 1, leaves, inners),
                inner.counts()[at]
            );
        }
        inner.items()
    }
}
