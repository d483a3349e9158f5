"""What the figures advise: within which time each promise could have been kept, and what to look at first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from gateway.domain.report.course import Place
from gateway.domain.report.figures import Sample, Share, length, number
from gateway.domain.report.result import Figures, Lengths, MetricLine, PlaceLine, TargetLine
from gateway.domain.report.totals import ATTAINED, OVERRUN, Tally, Target

#: so many things to look at first, and so many promises among them
MOST, MOST_TARGETS = 6, 3
#: fewer times in a place do not make it the slowest of all
FEW = 3
#: a larger part of a time that is spent waiting is worth a look
MUCH_PAUSED = Fraction(50)


def metric_words(metric: str) -> str:
    """Write a metric as a person would: `first response`, `stage testing`."""
    return metric.replace(":", " ").replace("_", " ")


def metric_lines(metrics: Mapping[str, Tally], goal: Fraction, alarm: Fraction) -> list[MetricLine]:
    """Return what each metric comes to, by name."""
    found = []
    for name, tally in sorted(metrics.items()):
        share = _share(tally)
        found.append(
            MetricLine(
                metric=name,
                met=tally.numbers["met"],
                breached=tally.numbers["breached"],
                compliance_rate=share.rate,
                reaches_goal=share.reaches(goal),
                below_alarm=not share.reaches(alarm),
                took=Lengths.of(tally.samples.get(name)),
                overrun=Lengths.of(tally.samples.get(OVERRUN)),
            )
        )
    return found


def target_lines(targets: Mapping[tuple[str, str, str], Target], goal: Fraction, alarm: Fraction) -> list[TargetLine]:
    """Return what each promise comes to, by policy, metric and priority."""
    found = []
    for (policy, metric, level), target in sorted(targets.items()):
        share = _share(target.tally)
        sample = target.tally.samples.get(ATTAINED) or Sample()
        attained = sample.percentile(goal)
        found.append(
            TargetLine(
                policy=policy,
                metric=metric,
                priority=level,
                least_target_s=target.least_s,
                most_target_s=target.most_s,
                met=target.tally.numbers["met"],
                breached=target.tally.numbers["breached"],
                compliance_rate=share.rate,
                reaches_goal=share.reaches(goal),
                below_alarm=not share.reaches(alarm),
                attained_s=attained,
                took=Lengths.of(target.tally.samples.get(metric)),
                says=_says(level, metric, attained, target.most_s, sample, goal),
            )
        )
    return found


def _says(level: str, metric: str, attained: int | None, promised: int, sample: Sample, goal: Fraction) -> str:
    what = f"{level} {metric_words(metric)}"
    if attained is not None and attained > promised and length(attained) == length(promised):
        # done after closing, when what was due at closing was broken
        return f"{what}: {number(goal)} % soon after {length(promised)}"
    if attained is not None:
        return f"{what}: {number(goal)} % within {length(attained)}"
    if not len(sample):
        return f"{what}: none was done"
    return f"{what}: {number(goal)} % not reached, {sample.going} of {len(sample)} still go on"


def place_lines(places: Mapping[tuple[Place, str], Sample], kind: Place) -> list[PlaceLine]:
    """Return the times in statuses or stages, that with the most time first."""
    mine = {name: sample for (which, name), sample in places.items() if which is kind}
    whole = sum(sample.total for sample in mine.values())
    lines = [PlaceLine(name, Lengths.of(sample), Share(sample.total, whole).rate) for name, sample in mine.items()]
    return sorted(lines, key=lambda each: (-each.took.total_s, each.name))


def slowest(lines: Sequence[PlaceLine]) -> PlaceLine | None:
    """Return the place in which a time takes longest: by the 90th percentile, then the median."""
    able = [each for each in lines if each.took.known >= FEW] or list(lines)
    return max(able, key=lambda each: (each.took.p90_s or 0, each.took.median_s or 0, each.name), default=None)


def look_first(
    total: Figures,
    targets: Iterable[TargetLine],
    statuses: Sequence[PlaceLine],
    stages: Sequence[PlaceLine],
    *,
    goal: Fraction,
) -> list[str]:
    """Return what to look at first, the most urgent at the top: each a line that names a place and a number."""
    found = []
    if total.overdue:
        found.append(f"{_promises(total.overdue)} broken and still to be done; {total.at_risk} more at risk.")
    behind = sorted((each for each in targets if not each.reaches_goal), key=lambda one: -_missing(one, goal))
    for each in behind[:MOST_TARGETS]:
        promised = (
            length(each.least_target_s)
            if each.least_target_s == each.most_target_s
            else f"{length(each.least_target_s)} to {length(each.most_target_s)}"
        )
        found.append(
            f"{each.policy or 'no policy'}, {each.priority} {metric_words(each.metric)}: {each.breached} of "
            f"{each.met + each.breached} broken (promised {promised}; {each.says.partition(': ')[2]})."
        )
    for kind, lines in (("Stage", stages), ("Status", statuses)):
        worst = slowest(lines)
        if worst is None or not worst.took.total_s:
            continue
        most = lines[0]
        also = "" if most.name == worst.name else f"; most time is spent in {most.name}"
        share = Share(worst.took.total_s, sum(each.took.total_s for each in lines))
        part = f", {share} of the time" if len(lines) > 1 else ""
        found.append(f"{kind} {worst.name} is the slowest: 90 % within {length(worst.took.p90_s)}{part}{also}.")
    if Share(total.paused_s, total.paused_s + total.running_s).reaches(MUCH_PAUSED) and total.paused_s:
        paused = Share(total.paused_s, total.paused_s + total.running_s)
        found.append(f"{paused} of the time clocks were paused: see who waits for what (--by owner).")
    return found[:MOST]


def _missing(line: TargetLine, goal: Fraction) -> Fraction:
    """Return how many more promises would have had to be kept for the goal."""
    return goal * (line.met + line.breached) / 100 - line.met


def _promises(count: int) -> str:
    return "1 promise is" if count == 1 else f"{count} promises are"


def _share(tally: Tally) -> Share:
    return Share(tally.numbers["met"], tally.numbers["met"] + tally.numbers["breached"])
