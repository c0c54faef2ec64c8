//! INFO hotkeys and bigkeys. Figures only: names of keys are for those who may call HOTKEYS.

use crate::engine::Engine;
use crate::observe::hot::big_keys;
use crate::observe::hot::summary::Order;
use crate::store::value::Kind;

use super::{Text, ratio};

/// Of the last window: how much evidence there is, and what the key that comes first in each order
/// does a second, and its share of what all keys do.
pub(super) fn hotkeys(engine: &Engine, text: &mut Text) {
    let hot = &engine.hot;
    let window = hot.window();
    text.title("Hotkeys");
    text.fields(&[
        ("hotkeys_last_window_samples", window.samples),
        ("hotkeys_last_window_duration_ms", window.took_us / 1_000),
        ("hotkeys_sampled_one_in", u64::from(hot.one_in())),
        ("hotkeys_skipped_long_names", hot.skipped_names),
    ]);
    // Redis's field, for whoever has begun a session.
    if let Some(session) = hot.session.as_deref() {
        let is_active = u64::from(session.is_active());
        text.field("hotkeys-tracking-active", is_active);
    }
    for order in Order::ALL {
        let cost = hot
            .ranked(order, 1)
            .first()
            .map_or(0, |key| key.cost.by(order));
        let per_second = window.per_second(cost);
        let (field, rate) = match order {
            Order::Calls => ("calls", ("qps", per_second)),
            Order::Net => ("net", ("bytes_per_second", per_second)),
            Order::Cpu => ("cpu", ("us_per_second", per_second / 1_000)),
        };
        let percent = 100.0 * ratio(cost, window.total.by(order));
        text.line(format_args!(
            "hotkeys_top_{field}:{}={},percent={percent:.2}",
            rate.0, rate.1
        ));
    }
}

/// The biggest key of each type that has any.
pub(super) fn bigkeys(engine: &Engine, text: &mut Text) {
    text.title("Bigkeys");
    text.field("bigkeys_passes", engine.hot.big.passes);
    for kind in Kind::ALL {
        if let Some(key) = big_keys(engine, kind).first() {
            text.line(format_args!(
                "bigkeys_{}:bytes={},elements={}",
                kind.name(),
                key.bytes,
                key.elements
            ));
        }
    }
}
