"""The sample company's sentences: special cases, filler, people and places.

Slots: {t} the topic as named here, {x} one of its terms, {d} a special case (may be empty), {n} a number, {m} a month,
{p} a person, {o} an office, {k} and {l} facet keywords, {w} any code name used as an ordinary word.
"""

from typing import NamedTuple


class Detail(NamedTuple):
    """A special case a question can be about: (what people type, what people write) by language."""

    typed: dict[str, str]
    written: dict[str, tuple[str, ...]]


def _detail(typed: str, german_typed: str, written: str, german_written: str) -> Detail:
    return Detail(
        {"en": typed, "de": german_typed},
        {"en": tuple(written.split(", ")), "de": tuple(german_written.split(", "))},
    )


DETAILS: tuple[Detail, ...] = (
    _detail("in Berlin", "in Berlin",
            "in Berlin, at the Berlin site, for Berlin staff", "in Berlin, am Standort Berlin"),
    _detail("in Lisbon", "in Lissabon",
            "in Lisbon, at the Lisbon office", "in Lissabon, im Büro Lissabon"),
    _detail("in Krakow", "in Krakau",
            "in Krakow, at the Krakow hub", "in Krakau, am Standort Krakau"),
    _detail("in Singapore", "in Singapur",
            "in Singapore, at the Singapore desk", "in Singapur, im Team Singapur"),
    _detail("for contractors", "für Externe",
            "for contractors, for freelancers", "für Externe, für freie Mitarbeiter"),
    _detail("for interns", "für Praktikanten",
            "for interns, for working students", "für Praktikanten, für Werkstudenten"),
    _detail("for new joiners", "für neue Kollegen",
            "for new joiners, in your first week", "für neue Kollegen, in der ersten Woche"),
    _detail("for managers", "für Führungskräfte",
            "for managers, for team leads", "für Führungskräfte, für Teamleitungen"),
    _detail("on mobile", "am Handy",
            "on mobile, on the phone app", "am Handy, in der App"),
    _detail("from home", "im Homeoffice",
            "from home, when working remotely", "im Homeoffice, von zu Hause"),
    _detail("on weekends", "am Wochenende",
            "on weekends, on Saturdays", "am Wochenende, samstags"),
    _detail("for the night shift", "in der Nachtschicht",
            "for the night shift, after ten in the evening", "in der Nachtschicht, nach 22 Uhr"),
    _detail("for the works council", "für den Betriebsrat",
            "for the works council, for elected members", "für den Betriebsrat, für gewählte Mitglieder"),
    _detail("for external auditors", "für Wirtschaftsprüfer",
            "for external auditors, for the audit firm", "für Wirtschaftsprüfer, für die Prüfungsgesellschaft"),
)  # fmt: skip
"""The special cases that questions ask about, by topic."""

DETAILS_PER_TOPIC = 4


def details_of(topic: int) -> tuple[int, ...]:
    """The special cases that matter for one topic: indices into ``DETAILS``."""
    return tuple((3 * topic + step) % len(DETAILS) for step in range(DETAILS_PER_TOPIC))


TOPIC_FILLER: dict[str, tuple[str, ...]] = {
    "en": (
        "The {x} came up again in the {m} meeting.",
        "{p} shared a picture of the {x} from {o}.",
        "We talked about {t} for {n} minutes without a result.",
        "Some colleagues like the new {x}, others miss the old one.",
        "There is a folder with {n} files about the {x}.",
        "{t} was mentioned in the newsletter of {m}.",
        "Thanks to {p} for tidying up the {x}.",
        "The {x} looks different since {m}.",
        "{o} asked twice about the {x}, the thread is still open.",
        "Slide {n} shows the {x} next to the {t} logo.",
        "A survey in {m} named the {x} as the best part of {t}.",
        "{p} and the {t} group meet every {n} days.",
    ),
    "de": (
        "{x} war im {m} wieder ein Thema.",
        "{p} hat ein Bild zu {x} aus {o} geteilt.",
        "Über {t} wurde {n} Minuten ohne Ergebnis gesprochen.",
        "Manche mögen die neue Fassung von {x}, andere nicht.",
        "Es gibt einen Ordner mit {n} Dateien zu {x}.",
        "{t} stand im Rundbrief vom {m}.",
        "Danke an {p} für das Aufräumen von {x}.",
        "Folie {n} zeigt {x} neben dem Logo von {t}.",
        "Eine Umfrage im {m} nannte {x} den besten Teil von {t}.",
        "{p} und die Gruppe {t} treffen sich alle {n} Tage.",
    ),
}
"""Sentences about the topic that answer nothing."""

VAGUE: dict[str, tuple[str, ...]] = {
    "en": (
        "This page collects links on {t}: {k}, {l} and more {d}.",
        "Many people ask about {k} and {l} {d}, so here is an overview.",
        "Questions on {k} of {t} are always welcome {d}.",
        "Later chapters will treat {t}, {k}, {l} and the {x}.",
        "For {k} or {l} please see the respective pages on {t} {d}.",
        "The history of {t} is long: {k}, {l}, the {x} and other subjects changed often.",
        "A workshop on {k} and {t} {d} is planned, an agenda does not exist yet.",
    ),
    "de": (
        "Diese Seite sammelt Verweise zu {t}: {k}, {l} und mehr {d}.",
        "Viele fragen nach {k} und {l} {d}, daher dieser Überblick.",
        "Fragen zu {k} bei {t} sind immer willkommen {d}.",
        "Spätere Kapitel behandeln {t}, {k}, {l} und {x}.",
        "Zu {k} oder {l} bitte die jeweiligen Seiten über {t} lesen {d}.",
        "Ein Workshop zu {k} und {t} {d} ist geplant, die Tagesordnung fehlt noch.",
    ),
}
"""Overview sentences: full of the words people type, empty of answers."""

FILLER: dict[str, tuple[str, ...]] = {
    "en": (
        "Hello everyone, I hope you had a good week.",
        "Coffee is on floor {n} today, please bring your own cup.",
        "{p} is on holiday until {m}.",
        "This note was last read by {n} people.",
        "On the way to lunch we saw a {w} and took a photo.",
        "The poster with the {w} in the hall is new.",
        "Please keep the subject line short.",
        "Kind regards from {o}, {p}.",
        "Let me know if I forgot anything.",
        "The children of {p} painted a {w}.",
        "The meeting was moved to room {n} because of the noise.",
        "{p} found an old picture of a {w} in a drawer.",
        "The minutes were written by {p} and read by nobody.",
        "Comments are closed since {m}.",
        "Weather permitting we go for a walk at {n} past one.",
        "Page {n} of the handbook still has a spelling mistake.",
    ),
    "de": (
        "Hallo zusammen, ich hoffe, die Woche war gut.",
        "Kaffee gibt es heute im {n}. Stock, bitte Tassen mitbringen.",
        "{p} ist bis {m} im Urlaub.",
        "Diese Notiz haben {n} Personen gelesen.",
        "Bitte den Betreff kurz halten.",
        "Viele Grüße aus {o}, {p}.",
        "Das Plakat {w} in der Halle ist neu.",
        "Meldet euch, falls etwas fehlt.",
        "Die Besprechung wurde wegen Lärm in Raum {n} verlegt.",
        "{p} hat ein altes Bild namens {w} gefunden.",
        "Das Protokoll schrieb {p}, gelesen hat es niemand.",
        "Seit {m} sind die Kommentare geschlossen.",
        "Seite {n} im Handbuch enthält noch einen Tippfehler.",
    ),
}
"""Sentences about nothing; code names turn up here in their ordinary sense."""

PEOPLE: tuple[str, ...] = (
    "Anna Lindt", "Priya Nair", "Tom Becker", "Lucia Ferro", "Jonas Weiss", "Marta Nowak", "Ken Ito", "Sara Olsen",
    "David Adler", "Ewa Zielinska", "Paul Grant", "Nina Vogel", "Omar Haddad", "Julia Brandt", "Rui Costa", "Mei Tan",
)  # fmt: skip
OFFICES: tuple[str, ...] = (
    "Berlin", "Lisbon", "Krakow", "Singapore", "building four", "the back office", "the second floor", "head office",
    "the service centre", "hall B", "the north wing", "the shared drive",
)  # fmt: skip
OFFICES_DE: tuple[str, ...] = (
    "Berlin", "Lissabon", "Krakau", "Singapur", "Gebäude vier", "der Zentrale", "der zweiten Etage", "Halle B",
    "dem Servicecenter", "dem Nordflügel",
)  # fmt: skip
MONTHS: dict[str, tuple[str, ...]] = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
    "de": ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
           "November", "Dezember"),
}  # fmt: skip
