"use strict";
// Everything is put in as text: names of keys and commands are what clients sent.
const PERIOD_MS = 2000, POINTS = 150;
const byId = (id) => document.getElementById(id);
const points = [];
let before = null;

const number = (value) => Number(value || 0).toLocaleString("en");
function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let amount = Number(value || 0), unit = 0;
  while (amount >= 1024 && unit < units.length - 1) { amount /= 1024; unit++; }
  return amount.toFixed(unit ? 1 : 0) + " " + units[unit];
}
function duration(seconds) {
  const s = Number(seconds || 0);
  if (s < 120) return s + " s";
  if (s < 7200) return Math.floor(s / 60) + " min";
  return s < 172800 ? Math.floor(s / 3600) + " h" : Math.floor(s / 86400) + " days";
}
const parts = (text) => Object.fromEntries((text || "").split(",").map((part) => part.split("=")));

function rows(id, lines) {
  const body = byId(id).querySelector("tbody");
  body.replaceChildren(...lines.map((cells) => {
    const row = document.createElement("tr");
    row.append(...cells.map((cell) => {
      const td = document.createElement("td");
      td.textContent = cell;
      return td;
    }));
    return row;
  }));
}

function tiles(info, rate) {
  const hits = Number(info.keyspace_hits), all = hits + Number(info.keyspace_misses);
  const limit = Number(info.maxmemory) ? " of " + bytes(info.maxmemory) : "";
  const shown = [
    ["operations/s", number(Math.round(rate))],
    ["memory" + limit, bytes(info.used_memory)],
    ["resident", bytes(info.used_memory_rss)],
    ["clients", number(info.connected_clients)],
    ["blocked", number(info.blocked_clients)],
    ["hit rate", all ? (100 * hits / all).toFixed(1) + " %" : "–"],
    ["expired keys", number(info.expired_keys)],
    ["evicted keys", number(info.evicted_keys)],
    ["longest housekeeping", number(info.housekeeping_us_max) + " µs"],
    ["longest turn of commands", number(info.commands_us_max) + " µs"],
  ];
  byId("tiles").replaceChildren(...shown.map(([name, value]) => {
    const tile = document.createElement("div"), bold = document.createElement("b"), span = document.createElement("span");
    bold.textContent = value;
    span.textContent = name;
    tile.append(bold, span);
    return tile;
  }));
}

function graph(rate) {
  points.push(rate);
  if (points.length > POINTS) points.shift();
  const top = Math.max(1, ...points);
  const at = (value, i) => (i * 600 / (POINTS - 1)).toFixed(1) + "," + (115 - 110 * value / top).toFixed(1);
  byId("graph").querySelector("polyline").setAttribute("points", points.map(at).join(" "));
}

function show(status) {
  const info = status.info, now = performance.now(), total = Number(info.total_commands_processed);
  const rate = before && total >= before.total ? 1000 * (total - before.total) / (now - before.now) : null;
  const shown = rate === null ? Number(info.instantaneous_ops_per_sec) : rate;
  before = { now, total };
  byId("version").textContent = info.kvd_version;
  byId("about").textContent = "port " + info.tcp_port + ", up " + duration(info.uptime_in_seconds) + ", as Redis " + info.redis_version;
  const well = status.health === "ok";
  byId("health").textContent = well ? "serving" : status.health;
  byId("health").className = well ? "good" : "bad";
  tiles(info, shown);
  graph(shown);
  const names = Object.keys(info);
  const commands = names.filter((name) => name.startsWith("cmdstat_")).map((name) => [name.slice(8), parts(info[name])]);
  commands.sort((a, b) => b[1].usec - a[1].usec);
  rows("commands", commands.slice(0, 15).map(([name, of]) => [name, number(of.calls), of.usec_per_call,
    parts(info["latency_percentiles_usec_" + name]).p99 || "–", number(of.failed_calls)]));
  status.hot.sort((a, b) => b.qps - a.qps);
  rows("hot", status.hot.map((key) => [key.key, key.db, number(key.qps), bytes(key.bytes_per_second), number(key.cpu_us_per_second)]));
  rows("big", status.big.map((key) => [key.key, key.db, key.type, bytes(key.bytes), number(key.elements)]));
  rows("databases", names.filter((name) => /^db\d+$/.test(name)).map((name) => [name, number(parts(info[name]).keys), number(parts(info[name]).expires)]));
  rows("persistence", [
    ["last snapshot", info.rdb_last_bgsave_status + ", " + number(info.rdb_changes_since_last_save) + " changes since"],
    ["snapshot under way", info.rdb_bgsave_in_progress === "1" ? Number(info.current_fork_perc).toFixed(0) + " %" : "no"],
    ["append-only file", info.aof_enabled === "1" ? "on, last write " + info.aof_last_write_status + ", " + bytes(info.aof_current_size) : "off"],
  ]);
  rows("slow", status.slow.map((entry) => [new Date(entry.unix_s * 1000).toLocaleTimeString(), number(entry.us), entry.command, entry.peer]));
}

async function poll() {
  try {
    const answer = await fetch("/status.json", { cache: "no-store" });
    show(await answer.json());
  } catch (error) {
    byId("health").textContent = "no answer";
    byId("health").className = "bad";
    before = null;
  }
  setTimeout(poll, PERIOD_MS);
}
poll();
