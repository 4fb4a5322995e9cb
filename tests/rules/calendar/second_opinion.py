#!/usr/bin/env python3
"""Writes recurrences.jsonl: calendars, and their instances as a second implementation reads them.

The second implementation is recurring-ical-events (on dateutil and zoneinfo). It shares no code with ours, but an algorithm: the
library that expands our rules is a port of dateutil, with the same mistakes. So the table can show what we make of clocks,
exceptions and moved instances; which days a rule means is for third_opinion.rs to say. To make the table anew:

    python3 -m venv second-opinion && . second-opinion/bin/activate
    pip install recurring-ical-events==3.8.2 icalendar==7.3.0 python-dateutil==2.9.0.post0 tzdata==2026.6
    PYTHONTZPATH= python3 tests/rules/calendar/second_opinion.py > tests/rules/calendar/recurrences.jsonl

The same seed and versions give the same bytes. The first line of the table says which versions made it. An empty
PYTHONTZPATH makes Python take the zones of the package tzdata, not those of the computer.

Every further line is one calendar: `zone` is its X-WR-TIMEZONE, `event` its events' lines between BEGIN and END (events
separated by an empty line), `from` and `to` the horizon, and `instances` what overlaps the horizon widened by a day on
both sides, as START+MINUTES in UTC.
"""

import datetime as dt
import importlib.metadata
import json
import random
import sys
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

SEED = 5545
CASES = 2150
UTC = dt.timezone.utc

# Zone, and local dates around which its clocks change: hour or half an hour, at night or at midnight, north and south; a
# day that is skipped; and zones without daylight saving. All lie years back, so that every zone database agrees on them.
ZONES = [
    ("America/New_York", ["2021-03-14", "2021-11-07", "2022-03-13"]),
    ("Europe/Berlin", ["2021-03-28", "2021-10-31", "2022-03-27"]),
    ("Europe/London", ["2021-03-28", "2021-10-31"]),
    ("America/St_Johns", ["2021-03-14", "2021-11-07"]),
    ("Australia/Sydney", ["2021-04-04", "2021-10-03"]),
    ("Australia/Lord_Howe", ["2021-04-04", "2021-10-03"]),
    ("Pacific/Auckland", ["2021-04-04", "2021-09-26"]),
    ("Pacific/Apia", ["2011-09-24", "2011-12-30", "2012-04-01", "2012-09-30"]),
    ("America/Santiago", ["2021-04-04", "2021-09-05"]),
    ("America/Sao_Paulo", ["2018-02-18", "2018-11-04"]),
    ("America/Havana", ["2018-03-11", "2018-11-04"]),
    ("Asia/Beirut", ["2019-03-31", "2019-10-27"]),
    ("Asia/Kolkata", ["2021-03-28"]),
    ("Asia/Tokyo", ["2021-11-07"]),
    ("Africa/Nairobi", ["2021-06-01"]),
    ("UTC", ["2021-03-28"]),
]

DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
# Days of the horizon, and how much earlier than its middle an event may first start.
SPAN = {"HOURLY": (3, 5), "DAILY": (12, 60), "WEEKLY": (45, 200), "MONTHLY": (300, 700), "YEARLY": (2000, 3000)}


def local(moment):
    return moment.strftime("%Y%m%dT%H%M%S")


def day(moment):
    return moment.strftime("%Y%m%d")


def some(r, population, most):
    return sorted(r.sample(population, r.randint(1, most)))


def joined(values):
    return ",".join(str(value) for value in values)


def rule_parts(r, freq, start, whole):
    """BYxxx parts that suit the frequency, and INTERVAL and WKST."""
    parts = []
    if r.random() < 0.4:
        parts.append(f"INTERVAL={r.randint(2, 7 if freq == 'HOURLY' else 4)}")
    kind = r.random()
    weekdays = [DAYS[i] for i in some(r, range(7), 4)]
    if freq == "HOURLY":
        if kind < 0.3:
            parts.append("BYHOUR=" + joined(some(r, range(24), 8)))
        elif kind < 0.5:
            parts.append("BYDAY=" + joined(weekdays))
        elif kind < 0.7:
            parts.append("BYMINUTE=" + joined(some(r, [0, 15, 30, 45], 2)))
    elif freq == "DAILY":
        if kind < 0.25:
            parts.append("BYDAY=" + joined(weekdays))
        elif kind < 0.4:
            parts.append("BYMONTHDAY=" + joined(some(r, [1, 2, 8, 15, 25, 29, 30, 31, -1, -2], 5)))
        elif kind < 0.55 and not whole:
            parts.append("BYHOUR=" + joined(some(r, range(24), 3)))
        elif kind < 0.65:
            parts.append(f"BYMONTH={joined(some(r, range(1, 13), 8))}")
    elif freq == "WEEKLY":
        if kind < 0.75:
            parts.append("BYDAY=" + joined(weekdays))
        if kind < 0.15:
            parts.append(f"BYSETPOS={r.choice([1, -1])}")
        if r.random() < 0.5:
            parts.append(f"WKST={r.choice(['MO', 'SU', 'WE'])}")
    elif freq == "MONTHLY":
        if kind < 0.25:
            parts.append("BYDAY=" + r.choice(["-1FR", "2TU", "1MO,3MO", "-1SU", "5SA", "2TU,-1TH", "1SU"]))
        elif kind < 0.5:
            parts.append("BYMONTHDAY=" + r.choice(["-1", "31", "1,15", "29,30,31", "-1,-2,-3", "13", "30"]))
        elif kind < 0.7:
            parts.append("BYDAY=MO,TU,WE,TH,FR")
            parts.append(f"BYSETPOS={r.choice(['1', '-1', '2,-2', '-3'])}")
        elif kind < 0.8:
            parts.append("BYDAY=FR")
            parts.append("BYMONTHDAY=13,14,15,16,17,18,19")
        if r.random() < 0.3:
            parts.append("BYMONTH=" + joined(some(r, range(1, 13), 6)))
    else:
        if kind < 0.2:
            parts.append("BYMONTH=" + joined(some(r, range(1, 13), 3)))
        elif kind < 0.4:
            parts.append(f"BYMONTH={start.month}")
            parts.append("BYDAY=" + r.choice(["-1FR", "2TU", "1SU", "-1SU", "4TH"]))
        elif kind < 0.5:
            parts.append("BYMONTHDAY=" + r.choice(["-1", "31", "29"]))
            parts.append("BYMONTH=" + r.choice(["2", "2,3", "12", "3,11"]))
        elif kind < 0.6:
            parts.append("BYYEARDAY=" + r.choice(["1", "-1", "60", "100,200,300", "366"]))
        elif kind < 0.7:
            parts.append("BYDAY=" + r.choice(["1MO,20TH", "53MO", "MO", "-2MO", "44MO,-1FR"]))
        elif kind < 0.8:
            parts.append("BYDAY=" + r.choice(["20MO", "-1SU", "1MO"]))
        elif kind < 0.9:
            parts.append("BYMONTH=3,10,11")
            parts.append("BYDAY=SU")
            parts.append("BYSETPOS=" + r.choice(["1", "-1", "2,-2"]))
    return parts


class Case:
    """One calendar: an event, sometimes with instances that stand apart."""

    def __init__(self, r, number):
        self.r = r
        self.zone, changes = r.choice(ZONES)
        self.tz = ZoneInfo(self.zone)
        self.freq = r.choices(["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"], [15, 30, 30, 15, 10])[0]
        self.whole = self.freq != "HOURLY" and r.random() < 0.2
        self.uid = f"case-{number}"
        change = dt.datetime.fromisoformat(r.choice(changes))
        span, before = SPAN[self.freq]
        if r.random() < 0.25:
            change += dt.timedelta(days=r.randint(-90, 90))
        # Night hours are likely: that is when clocks change, and when freezes end.
        hour = r.choice([0, 0, 1, 1, 2, 2, 3, 23, 22, r.randint(0, 23)])
        minute = r.choice([0, 0, 0, 15, 30, 30, 45])
        self.start = change - dt.timedelta(days=r.randint(0, before)) + dt.timedelta(hours=hour, minutes=minute)
        if self.whole:
            self.start = self.start.replace(hour=0, minute=0)
        shift = dt.timedelta(hours=r.randint(-span * 8, span * 8))
        self.low = (change - dt.timedelta(days=span / 2) + shift).replace(tzinfo=UTC)
        self.high = self.low + dt.timedelta(days=span)
        self.change = change
        self.how = "date" if self.whole else r.choices(["tzid", "floating", "utc"], [75, 15, 10])[0]

    def stamp(self, name, moment, extra=""):
        if self.how == "date":
            return f"{name};VALUE=DATE{extra}:{day(moment)}"
        if self.how == "utc":
            return f"{name}{extra}:{local(moment)}Z"
        if self.how == "floating":
            return f"{name}{extra}:{local(moment)}"
        return f"{name};TZID={self.zone}{extra}:{local(moment)}"

    def length(self, start):
        """The line that says how long it lasts."""
        r = self.r
        if self.whole:
            days = r.choice([1, 1, 2, 3, 7])
            style = r.random()
            if style < 0.2:
                return []
            if style < 0.4:
                return [f"DURATION:P{days}D"]
            return [self.stamp("DTEND", start + dt.timedelta(days=days))]
        minutes = r.choice([15, 30, 45, 60, 60, 90, 120, 240, 480, 720, 1440, 2880, 4320])
        if self.freq == "HOURLY":
            minutes = min(minutes, 120)
        if r.random() < 0.35:
            if minutes % 1440 == 0:
                return [f"DURATION:{r.choice([f'P{minutes // 1440}D', f'PT{minutes // 60}H'])}"]
            return [f"DURATION:PT{minutes}M"]
        return [self.stamp("DTEND", start + dt.timedelta(minutes=minutes))]

    def rule(self):
        r = self.r
        parts = [f"FREQ={self.freq}"] + rule_parts(r, self.freq, self.start, self.whole)
        ends = r.random()
        if ends < 0.25:
            parts.append(f"COUNT={r.randint(1, 40)}")
        elif ends < 0.5:
            last = self.change + dt.timedelta(days=r.randint(0, SPAN[self.freq][0] // 2), hours=self.start.hour)
            last = last.replace(minute=self.start.minute)
            if self.whole:
                parts.append(f"UNTIL={day(last)}")
            elif self.how == "floating":
                parts.append(f"UNTIL={local(last)}")
            elif self.how == "utc":
                parts.append(f"UNTIL={local(last)}Z")
            elif r.random() < 0.1:
                # Forbidden with a DTSTART that has a time of day, and common.
                parts.append(f"UNTIL={day(last)}")
            else:
                parts.append(f"UNTIL={local(last.replace(tzinfo=self.tz).astimezone(UTC))}Z")
        r.shuffle(parts)
        return "RRULE:" + ";".join(parts)

    def first_rule_start(self, rule):
        """Moves the first start to one that the rule yields, as RFC 5545 asks."""
        from dateutil.rrule import rrulestr

        text = ";".join(part for part in rule.removeprefix("RRULE:").split(";") if not part.startswith("UNTIL"))
        found = next(iter(rrulestr(text, dtstart=self.start)), None)
        if found is None:
            raise ValueError("the rule yields nothing")
        if self.r.random() < 0.93:
            self.start = found

    def events(self):
        r = self.r
        rule = self.rule() if r.random() < 0.93 else None
        if rule:
            self.first_rule_start(rule)
        lines = [f"UID:{self.uid}", self.stamp("DTSTART", self.start)] + self.length(self.start)
        if rule:
            lines.append(rule)
        plain = "\r\n".join(lines)
        # Instances of the plain event, as clock times.
        starts = [] if not rule else self.clock_starts(plain)
        moved = []
        if starts and r.random() < 0.3:
            for start in r.sample(starts, min(len(starts), r.randint(1, 3))):
                lines.append(self.stamp("EXDATE", start))
        if r.random() < (0.2 if rule else 1.0):
            for _ in range(r.randint(1, 3)):
                lines.append(self.rdate())
        if starts and r.random() < 0.3:
            for start in r.sample(starts, min(len(starts), r.randint(1, 2))):
                if any(line.startswith("EXDATE") and (local(start) in line or day(start) in line) for line in lines):
                    continue
                moved.append(self.instance(start))
        return ["\r\n".join(lines)] + moved

    def rdate(self):
        r = self.r
        moment = self.change + dt.timedelta(days=r.randint(-2, 2), hours=r.randint(0, 3), minutes=r.choice([0, 10, 30]))
        if self.whole:
            return self.stamp("RDATE", moment)
        if r.random() < 0.3:
            end = f"PT{r.choice([20, 50, 100])}M"
            # The second implementation looks the end of a period up by its digits, in UTC and in the zone: none of these
            # may be those of another start.
            moment = moment.replace(minute=25)
            if self.how == "utc" or (self.how == "tzid" and r.random() < 0.5):
                moment = moment.replace(minute=35)
                return f"RDATE;VALUE=PERIOD:{local(moment)}Z/{end}"
            return self.stamp("RDATE", moment, ";VALUE=PERIOD") + "/" + end
        return self.stamp("RDATE", moment)

    def instance(self, start):
        r = self.r
        lines = [f"UID:{self.uid}", self.stamp("RECURRENCE-ID", start)]
        if r.random() < 0.4:
            lines += [self.stamp("DTSTART", start)] + self.length(start) + ["STATUS:CANCELLED"]
        else:
            hours = 24 * r.randint(-3, 3) if self.whole else r.randint(-30, 30)
            new = start + dt.timedelta(hours=hours)
            lines += [self.stamp("DTSTART", new)] + self.length(new)
        return "\r\n".join(lines)

    def clock_starts(self, event):
        zone = UTC if self.how == "utc" else self.tz
        starts = []
        for found in self.between(calendar([event]), self.low, self.high):
            start = found["DTSTART"].dt
            if not isinstance(start, dt.datetime):
                start = dt.datetime.combine(start, dt.time())
            elif start.tzinfo:
                start = start.astimezone(zone)
            starts.append(start.replace(tzinfo=None))
        return sorted(set(starts))

    def between(self, text, low, high):
        calendar = icalendar.Calendar.from_ical(text)
        # Whole days and floating times are asked for on a wider margin and cut by `instances`.
        wide = dt.timedelta(days=2)
        return recurring_ical_events.of(calendar).between(low - wide, high + wide)

    def instances(self, text):
        day_wide = dt.timedelta(days=1)
        low, high = self.low - day_wide, self.high + day_wide
        found = []
        for event in self.between(text, low, high):
            if str(event.get("STATUS", "")) == "CANCELLED":
                continue
            start, end = self.utc(event["DTSTART"].dt), self.utc(event["DTEND"].dt)
            if start < high and low < end:
                found.append((start, end))
        return sorted(found)

    def utc(self, moment):
        if not isinstance(moment, dt.datetime):
            moment = dt.datetime.combine(moment, dt.time())
        return (moment if moment.tzinfo else moment.replace(tzinfo=self.tz)).astimezone(UTC)


def calendar(events):
    """For the second implementation, without X-WR-TIMEZONE.

    With it, it repeats events in UTC on the calendar's clocks and takes a floating UNTIL for UTC, which RFC 5545 does not
    say. Dates and floating times come back as such, and get their zone in `utc`.
    """
    head = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//second opinion//EN\r\n"
    body = "".join(f"BEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\n" for event in events)
    return f"{head}{body}END:VCALENDAR\r\n"


def main():
    names = ["recurring-ical-events", "icalendar", "python-dateutil", "tzdata"]
    versions = {name: importlib.metadata.version(name) for name in names}
    lines = [{"made_by": versions, "seed": SEED}]
    number = 0
    while len(lines) <= CASES:
        number += 1
        case = Case(random.Random(f"{SEED}/{number}"), number)
        try:
            events = case.events()
        except ValueError:
            # A rule that yields nothing: the unit tests have those.
            continue
        found = case.instances(calendar(events))
        # Long lists add nothing but bytes; of empty ones a few are enough.
        if len(found) > 22 or (not found and number % 10):
            continue
        spelled = " ".join(f"{start:%Y%m%dT%H%M}+{int((end - start).total_seconds()) // 60}" for start, end in found)
        lines.append(
            {
                "zone": case.zone,
                "from": f"{case.low:%Y-%m-%dT%H:%MZ}",
                "to": f"{case.high:%Y-%m-%dT%H:%MZ}",
                "event": "\n\n".join(events).replace("\r\n", "\n"),
                "instances": spelled,
            }
        )
    for line in lines:
        print(json.dumps(line, separators=(",", ":")))
    print(f"{number} drawn, {len(lines) - 1} kept", file=sys.stderr)


if __name__ == "__main__":
    main()
