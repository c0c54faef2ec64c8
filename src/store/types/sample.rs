//! Choosing several different indexes without bias.

use crate::random::Rng;

/// `count` different indexes below `len`, ascending; all of them where there are no more.
pub(super) fn distinct(rng: &mut Rng, len: usize, count: usize) -> Vec<u32> {
    let count = count.min(len);
    if count > len / 3 {
        return select(rng, len, count);
    }
    let mut chosen: Vec<u32> = Vec::with_capacity(count);
    // Drawing until enough are different chooses every subset with the same probability.
    while chosen.len() < count {
        for _ in chosen.len()..count {
            chosen.push(rng.below(len) as u32);
        }
        chosen.sort_unstable();
        chosen.dedup();
    }
    chosen
}

/// One pass over all indexes, each taken with the probability that is left for it.
fn select(rng: &mut Rng, len: usize, count: usize) -> Vec<u32> {
    let mut chosen = Vec::with_capacity(count);
    for index in 0..len {
        let missing = count - chosen.len();
        if missing == 0 {
            break;
        }
        if missing == len - index || rng.below(len - index) < missing {
            chosen.push(index as u32);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_is_as_likely() {
        let mut rng = Rng::new(1);
        for (len, count) in [(30, 3), (30, 9), (30, 15), (30, 29), (5, 5), (4, 9), (3, 0)] {
            let mut hits = vec![0u32; len];
            for _ in 0..20_000 {
                let chosen = distinct(&mut rng, len, count);
                assert_eq!(chosen.len(), count.min(len));
                assert!(chosen.is_sorted_by(|a, b| a < b));
                chosen.iter().for_each(|&index| hits[index as usize] += 1);
            }
            let expected = 20_000.0 * count.min(len) as f64 / len as f64;
            for hit in hits {
                let error = (f64::from(hit) - expected).abs();
                assert!(error <= 5.0 * expected.sqrt(), "{hit} of {expected}");
            }
        }
    }
}
