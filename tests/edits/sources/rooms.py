"""Booking rooms: who has which room when."""

import datetime
import logging
from dataclasses import dataclass, field

log = logging.getLogger("rooms")


class BookingError(Exception):
    """Raised with a sentence for the person who books."""


@dataclass
class Booking:
    room: str
    person: str
    start: datetime.datetime
    end: datetime.datetime

    def overlaps(self, other):
        return self.room == other.room and self.start < other.end and other.start < self.end


@dataclass
class Calendar:
    bookings: list = field(default_factory=list)
    closed_days: set = field(default_factory=set)

    def book(self, room, person, start, end):
        """Book a room, or say why it can't be had."""
        if end <= start:
            raise BookingError("the end must be after the start")
        if start.date() in self.closed_days:
            raise BookingError(f"the house is closed on {start.date()}")
        wanted = Booking(room, person, start, end)
        for booking in self.bookings:
            if booking.overlaps(wanted):
                log.info("refused %s: taken by %s", room, booking.person)
                raise BookingError(f'{room} is taken by {booking.person}')
        self.bookings.append(wanted)
        return wanted

    def cancel(self, booking):
        try:
            self.bookings.remove(booking)
        except ValueError:
            log.warning("nothing to cancel for %s", booking.person)
            return False
        return True

    def free_rooms(self, rooms, start, end):
        free = []
        for room in rooms:
            probe = Booking(room, "", start, end)
            if not any(b.overlaps(probe) for b in self.bookings):
                free.append(room)
        return sorted(free)

    def report(self, day):
        lines = []
        for booking in sorted(self.bookings, key=lambda b: b.start):
            if booking.start.date() == day:
                lines.append(f"{booking.start:%H:%M} - {booking.end:%H:%M}  {booking.room}: {booking.person}")
        if not lines:
            return "no bookings"
        return "\n".join(lines)


def load(path):
    calendar = Calendar()
    with open(path, encoding="utf-8") as handle:
        for number, line in enumerate(handle, start=1):
            parts = line.rstrip("\n").split(";")
            if len(parts) != 4:
                raise BookingError(f"line {number} has {len(parts)} parts")
            room, person, start, end = parts
            calendar.book(room, person, datetime.datetime.fromisoformat(start), datetime.datetime.fromisoformat(end))
    return calendar


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    print(load("bookings.csv").report(datetime.date.today()))
