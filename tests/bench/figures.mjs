// Figures of repeated measurements: what a run's record has, the middle of the rounds and how far they spread.

/** Columns by the name that rows use: `take` gets a run's record. Where `less` is true, less is better and is compared. */
export const FIGURES = {
  cpu: { title: "CPU s per million", take: (run) => run.cpu_per_million, less: true },
  redis: { title: "Redis, CPU s per million", take: (run) => run.redis_cpu_per_million },
  carried: { title: "carried, messages/s", take: (run) => run.carried_per_second },
  offered: { title: "offered", take: (run) => run.offered_per_second },
  said: { title: "said", take: (run) => run.messages_per_second },
  kept: { title: "of those carried, %", take: (run) => run.kept * 100 },
  announced: { title: "deliveries announced as missing", take: (run) => run.announced },
  gone: { title: "gone for good", take: (run) => run.gone },
  deliveries: { title: "deliveries/s", take: (run) => run.deliveries_per_second },
  p50: { title: "p50, ms", take: (run) => run.p50_ms },
  p99: { title: "p99, ms", take: (run) => run.p99_ms },
  memory: { title: "KiB per connection", take: (run) => run.kib_per_connection, less: true },
  connect: { title: "CPU ms per connect", take: (run) => run.cpu_ms_per_connect, less: true },
  connects: { title: "connects/s", take: (run) => run.connects_per_second },
};

/** A case's figure in every round. */
export function rounds(result, name, figure) {
  return result.runs.filter((run) => run.case === name).map(FIGURES[figure].take);
}

/** One case's figure by another's, round by round. */
export function ratios(result, name, other, figure) {
  const below = rounds(result, other, figure);
  return rounds(result, name, figure).map((above, round) => above / below[round]);
}

/** The largest of several cases' figures by the smallest, round by round. */
export function steepness(result, figure) {
  const cases = [...new Set(result.runs.map((run) => run.case))].map((name) => rounds(result, name, figure));
  return cases[0].map((_, round) => {
    const inRound = cases.map((figures) => figures[round]);
    return Math.max(...inRound) / Math.min(...inRound);
  });
}

export function summary(numbers) {
  const sorted = numbers.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, least: sorted[0], most: sorted.at(-1) };
}

/** Three digits that mean something, thousands apart. */
export function show(number) {
  if (!Number.isFinite(number)) return "–";
  if (Math.abs(number) >= 100) return Math.round(number).toLocaleString("en");
  return String(Number(number.toPrecision(3)));
}

/** As people say it: a small one as one of so many. */
export function showRatio(ratio) {
  if (!Number.isFinite(ratio)) return "–";
  return ratio < 0.15 ? `1/${Number((1 / ratio).toPrecision(3))}` : String(Number(ratio.toPrecision(3)));
}

export function showSpread(numbers, how = show) {
  const { median, least, most } = summary(numbers);
  return numbers.length > 1 ? `${how(median)} (${how(least)} to ${how(most)})` : how(median);
}
