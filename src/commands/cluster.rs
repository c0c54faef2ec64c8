//! CLUSTER and its kin, for a server that is no part of a cluster: only the slot of a key is known.

use crc::{CRC_16_XMODEM, Crc};

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::engine::context::ServerCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    srv("asking", 1, FAST, CONNECTION, NO_KEYS, asking, &docs::cluster::ASKING),
    container("cluster", -2, NO_FLAGS, NO_ACL, &docs::cluster::CLUSTER),
    srv("cluster|addslots", -3, ADMIN.or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_ADDSLOTS),
    srv("cluster|addslotsrange", -4, ADMIN.or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_ADDSLOTSRANGE),
    srv("cluster|bumpepoch", 2, ADMIN.or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_BUMPEPOCH),
    srv("cluster|cancelslotmigrations", 2, ADMIN.or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_CANCELSLOTMIGRATIONS),
    srv("cluster|count-failure-reports", 3, ADMIN.or(STALE), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_COUNT_FAILURE_REPORTS),
    srv("cluster|countkeysinslot", 3, STALE, NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_COUNTKEYSINSLOT),
    srv("cluster|delslots", -3, ADMIN.or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_DELSLOTS),
    srv("cluster|delslotsrange", -4, ADMIN.or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_DELSLOTSRANGE),
    srv("cluster|failover", -2, ADMIN.or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_FAILOVER),
    srv("cluster|flushslot", -3, WRITE.or(ADMIN).or(NO_ASYNC_LOADING), KEYSPACE, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_FLUSHSLOT),
    srv("cluster|flushslots", 2, ADMIN.or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_FLUSHSLOTS),
    srv("cluster|forget", 3, ADMIN.or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_FORGET),
    srv("cluster|getkeysinslot", 4, STALE, NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_GETKEYSINSLOT),
    srv("cluster|getslotmigrations", 2, ADMIN.or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_GETSLOTMIGRATIONS),
    srv("cluster|help", 2, LOADING.or(STALE), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_HELP),
    srv("cluster|info", 2, LOADING.or(STALE), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_INFO),
    srv("cluster|keyslot", 3, STALE, NO_ACL, NO_KEYS,
        keyslot, &docs::cluster::CLUSTER_KEYSLOT),
    srv("cluster|links", 2, STALE, NO_ACL, NO_KEYS, disabled, &docs::cluster::CLUSTER_LINKS),
    srv("cluster|meet", -4, ADMIN.or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_MEET),
    srv("cluster|migrateslots", -4, ADMIN.or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_MIGRATESLOTS),
    srv("cluster|myid", 2, LOADING.or(STALE), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_MYID),
    srv("cluster|myshardid", 2, LOADING.or(STALE), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_MYSHARDID),
    srv("cluster|nodes", 2, LOADING.or(STALE), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_NODES),
    srv("cluster|replicas", 3, ADMIN.or(STALE), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_REPLICAS),
    srv("cluster|replicate", -3, ADMIN.or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_REPLICATE),
    srv("cluster|reset", -2, ADMIN.or(NOSCRIPT).or(STALE), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_RESET),
    srv("cluster|saveconfig", 2, ADMIN.or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_SAVECONFIG),
    srv("cluster|set-config-epoch", 3, ADMIN.or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_SET_CONFIG_EPOCH),
    srv("cluster|setslot", -4, ADMIN.or(STALE).or(NO_ASYNC_LOADING).or(MAY_REPLICATE), NO_ACL,
        NO_KEYS, disabled, &docs::cluster::CLUSTER_SETSLOT),
    srv("cluster|shards", 2, LOADING.or(STALE), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_SHARDS),
    srv("cluster|slaves", 3, ADMIN.or(STALE), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_SLAVES),
    srv("cluster|slot-stats", -4, LOADING.or(STALE), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_SLOT_STATS),
    srv("cluster|slots", 2, LOADING.or(STALE), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_SLOTS),
    srv("cluster|syncslots", -3, ADMIN.or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        disabled, &docs::cluster::CLUSTER_SYNCSLOTS),
    srv("readonly", 1, LOADING.or(STALE).or(FAST), CONNECTION, NO_KEYS,
        readonly, &docs::cluster::READONLY),
    srv("readwrite", 1, LOADING.or(STALE).or(FAST), CONNECTION, NO_KEYS,
        readwrite, &docs::cluster::READWRITE),
];

/// The slots of a cluster.
const SLOTS: u16 = 16_384;

static CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);

/// CLUSTER KEYSLOT key
pub fn keyslot(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    ctx.reply.int(slot_of(args.at(2)).into());
    Ok(())
}

/// Every other subcommand of CLUSTER, and ASKING.
pub fn disabled(_ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    Err(CommandError::NO_CLUSTER)
}

/// ASKING
pub fn asking(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    disabled(ctx, args)
}

/// READONLY
pub fn readonly(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    ctx.client_mut().about.read_only = true;
    ctx.reply.ok();
    Ok(())
}

/// READWRITE
pub fn readwrite(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    ctx.client_mut().about.read_only = false;
    ctx.reply.ok();
    Ok(())
}

/// The slot of a key: of what stands between its first braces, if anything does.
pub fn slot_of(key: &[u8]) -> u16 {
    let tag = memchr::memchr(b'{', key).and_then(|open| {
        let inside = key.get(open + 1..)?;
        inside.get(..memchr::memchr(b'}', inside)?)
    });
    let hashed = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    CRC.checksum(hashed) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        assert_eq!(slot_of(b"foo"), 12_182);
        assert_eq!(slot_of(b""), 0);
        assert_eq!(slot_of(b"{user1000}.following"), slot_of(b"user1000"));
        assert_eq!(slot_of(b"foo{}{bar}"), CRC.checksum(b"foo{}{bar}") % SLOTS);
        assert_eq!(slot_of(b"foo{{bar}}"), slot_of(b"{bar"));
    }
}
