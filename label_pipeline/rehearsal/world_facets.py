"""What can be asked about a topic of the sample company, and the sentences that answer it.

Slots: {t} the topic as named here, {x} one of its terms, {d} a special case (may be empty), {n} a number, {m} a month,
{p} a person, {o} an office.
"""

from typing import NamedTuple


class Facet(NamedTuple):
    """One kind of question people ask about a topic.

    Attributes:
        related: facet whose answers help a little.
        keywords: words people type, by language.
        questions: full questions, by language.
        answers: sentences that answer, by language; about half avoid the keywords.
    """

    related: str
    keywords: dict[str, tuple[str, ...]]
    questions: dict[str, tuple[str, ...]]
    answers: dict[str, tuple[str, ...]]


def _facet(
    related: str,
    keywords: tuple[str, str],
    questions: tuple[tuple[str, ...], tuple[str, ...]],
    english: tuple[str, ...],
    german: tuple[str, ...],
) -> Facet:
    return Facet(
        related,
        {"en": tuple(keywords[0].split(", ")), "de": tuple(keywords[1].split(", "))},
        {"en": questions[0], "de": questions[1]},
        {"en": english, "de": german},
    )


FACETS: dict[str, Facet] = {
    "setup": _facet(
        "access",
        ("setup, install, configure", "einrichten, Installation, konfigurieren"),
        (("how do I set up {t} {d}?", "steps to configure {t} {d}"),
         ("wie richte ich {t} {d} ein?", "Schritte zum Einrichten von {t} {d}")),
        ("To get started with {t} {d}, open the settings page and add the {x}.",
         "Install the client, enter the address of {o} and confirm the {x}.",
         "The first steps {d}: download the package, restart, then choose the {x}.",
         "Pick profile {n} in the wizard and tick the box next to the {x} {d}.",
         "You configure {t} once; afterwards the {x} is found automatically {d}.",
         "After the wizard has finished, {p} checks the {x} with a short trial."),
        ("Zum Start mit {t} {d} die Einstellungen öffnen und {x} hinzufügen.",
         "Das Paket laden, neu starten und danach {x} auswählen {d}.",
         "Im Assistenten Profil {n} wählen und den Haken bei {x} setzen {d}.",
         "Die Installation von {t} dauert {n} Minuten; {x} wird dabei automatisch gefunden.",
         "Wer {t} {d} konfigurieren will, trägt zuerst die Adresse von {o} ein."),
    ),
    "deadline": _facet(
        "approval",
        ("deadline, due date, when", "Frist, Stichtag, wann"),
        (("when is the deadline for {t} {d}?", "what is the due date of {t} {d}"),
         ("wann ist die Frist für {t} {d}?", "Stichtag von {t} {d}")),
        ("Everything for {t} must arrive before the {n}th of {m} {d}.",
         "The cut-off {d} is the {n}th working day; late entries move to {m}.",
         "The deadline for the {x} is {m} {n} {d}.",
         "We close the books on {n} {m}, so hand in the {x} by noon {d}.",
         "Last day to submit the {x} {d}: {n} {m}, no extension possible.",
         "Entries received after {n} {m} count for the following month {d}."),
        ("Alles zu {t} muss bis zum {n}. {m} vorliegen {d}.",
         "Annahmeschluss {d} ist der {n}. Arbeitstag, danach zählt der nächste Monat.",
         "Die Frist für {x} endet am {n}. {m} {d}.",
         "Letzter Abgabetag {d}: {n}. {m}, eine Verlängerung gibt es nicht.",
         "Wer {x} nach dem {n}. {m} einreicht, wartet bis zum Folgemonat {d}."),
    ),
    "cost": _facet(
        "approval",
        ("cost, price, fee", "Kosten, Preis, Gebühr"),
        (("how much does {t} cost {d}?", "what is the fee for {t} {d}"),
         ("was kostet {t} {d}?", "Gebühr für {t} {d}")),
        ("We are charged {n} euros a month per person for {t} {d}.",
         "The {x} is billed at {n} euros, paid by your own department {d}.",
         "Price of the {x} {d}: {n} euros plus tax.",
         "Expect about {n} euros each time; the amount is booked automatically {d}.",
         "The fee for {t} rose to {n} euros in {m} {d}.",
         "Up to {n} euros are free {d}, everything above is passed on to the team."),
        ("Pro Person werden {n} Euro im Monat für {t} berechnet {d}.",
         "Für {x} fallen {n} Euro an, die Abteilung zahlt selbst {d}.",
         "Preis für {x} {d}: {n} Euro zuzüglich Steuer.",
         "Bis {n} Euro ist es frei {d}, darüber trägt das Team den Betrag.",
         "Die Gebühr für {t} stieg im {m} auf {n} Euro {d}."),
    ),
    "owner": _facet(
        "access",
        ("contact, owner, responsible", "Ansprechpartner, zuständig, Kontakt"),
        (("who is responsible for {t} {d}?", "contact person for {t} {d}"),
         ("wer ist für {t} {d} zuständig?", "Ansprechpartner für {t} {d}")),
        ("{p} in {o} looks after {t} {d}.",
         "Write to {p} if the {x} is wrong {d}; extension {n}.",
         "The team of {p} took over the {x} in {m} {d}.",
         "Contact for {t} {d}: {p}, room {n}.",
         "Please ask {p} first, she keeps the list for the {x} {d}.",
         "Since {m} the responsible colleague {d} is {p} from {o}."),
        ("{p} in {o} kümmert sich um {t} {d}.",
         "Bei Fragen zu {x} {d} bitte {p} anrufen, Durchwahl {n}.",
         "Das Team von {p} hat {x} im {m} übernommen {d}.",
         "Ansprechpartner für {t} {d}: {p}, Zimmer {n}.",
         "Seit {m} ist {p} aus {o} zuständig {d}."),
    ),
    "access": _facet(
        "setup",
        ("access, permission, login", "Zugriff, Berechtigung, Zugang"),
        (("how do I get access to {t} {d}?", "which permission is needed for {t} {d}"),
         ("wie bekomme ich Zugriff auf {t} {d}?", "welche Berechtigung braucht {t} {d}")),
        ("Ask your manager to add you to group {n}, then {t} opens {d}.",
         "Only members of role {n} can see the {x} {d}.",
         "Permission for the {x} {d} is granted in the self-service within {n} hours.",
         "You need a named account; shared users cannot open {t} {d}.",
         "Request the right in the catalogue and {p} unlocks the {x} {d}.",
         "Access to {t} ends automatically after {n} days without use {d}."),
        ("Die Führungskraft trägt Sie in Gruppe {n} ein, dann öffnet sich {t} {d}.",
         "Nur Mitglieder der Rolle {n} sehen {x} {d}.",
         "Die Berechtigung für {x} {d} kommt nach {n} Stunden aus dem Selfservice.",
         "Das Recht im Katalog anfordern, {p} schaltet {x} frei {d}.",
         "Der Zugang zu {t} erlischt nach {n} Tagen ohne Nutzung {d}."),
    ),
    "error": _facet(
        "outage",
        ("error, problem, not working", "Fehler, Problem, funktioniert nicht"),
        (("{t} is not working {d}, what can I do?", "error in {t} {d}"),
         ("{t} funktioniert nicht {d}, was tun?", "Fehler in {t} {d}")),
        ("If message {n} appears, clear the {x} and try again {d}.",
         "The red code {n} means that the {x} is missing {d}.",
         "This problem with {t} {d} goes away when the {x} is loaded twice.",
         "Remove the old {x} first, otherwise it stops at {n} percent {d}.",
         "An error after the update {d} is fixed by renewing the {x}.",
         "A blank screen {d}? Sign out, wait {n} minutes and open the {x} again."),
        ("Erscheint Meldung {n}, hilft es, {x} zu leeren und neu zu starten {d}.",
         "Der rote Code {n} heißt, dass {x} fehlt {d}.",
         "Das Problem mit {t} {d} verschwindet, sobald {x} zweimal geladen wird.",
         "Zuerst {x} entfernen, sonst bleibt es bei {n} Prozent stehen {d}.",
         "Der Fehler nach dem Update {d} wird durch Erneuern von {x} behoben."),
    ),
    "policy": _facet(
        "approval",
        ("policy, rules, allowed", "Richtlinie, Regeln, erlaubt"),
        (("what are the rules for {t} {d}?", "is it allowed to use {t} {d}"),
         ("welche Regeln gelten für {t} {d}?", "Richtlinie für {t} {d}")),
        ("Nobody may pass the {x} to third parties {d}.",
         "The {x} has to be kept for {n} years and must not leave {o} {d}.",
         "Private use is forbidden {d}; section {n} lists the exceptions.",
         "The policy for {t} {d} allows up to {n} items a year.",
         "Staff are entitled to the {x} {d} after {n} months of service.",
         "According to the rules of {m} every {x} needs two pairs of eyes {d}."),
        ("{x} darf nicht an Dritte weitergegeben werden {d}.",
         "{x} ist {n} Jahre aufzubewahren und bleibt in {o} {d}.",
         "Private Nutzung ist untersagt {d}, Abschnitt {n} nennt Ausnahmen.",
         "Die Richtlinie für {t} {d} erlaubt {n} Stück im Jahr.",
         "Laut den Regeln vom {m} gilt bei {x} das Vieraugenprinzip {d}."),
    ),
    "outage": _facet(
        "error",
        ("outage, incident, down", "Ausfall, Störung, Wartung"),
        (("is {t} down {d}?", "status of the {t} outage {d}"),
         ("gibt es eine Störung bei {t} {d}?", "Ausfall von {t} {d}")),
        ("Between {n} and noon nobody could reach the {x} {d}.",
         "A broken switch in {o} cut off {t} {d} for {n} hours.",
         "The outage of {t} {d} ended in {m}; {p} writes the report.",
         "Service was restored after {n} minutes, the {x} was not lost {d}.",
         "The incident hit the {x} {d} and was closed by {p}.",
         "Planned maintenance {d}: the {x} stays offline until {n} o'clock."),
        ("Zwischen {n} Uhr und mittags war {x} nicht erreichbar {d}.",
         "Ein defekter Switch in {o} trennte {t} {d} für {n} Stunden.",
         "Der Ausfall von {t} {d} endete im {m}, {p} schreibt den Bericht.",
         "Nach {n} Minuten lief alles wieder, {x} ging nicht verloren {d}.",
         "Geplante Wartung {d}: {x} bleibt bis {n} Uhr offline."),
    ),
    "migration": _facet(
        "setup",
        ("migration, move, replacement", "Migration, Umstellung, Umzug"),
        (("when will {t} be migrated {d}?", "plan for moving {t} {d}"),
         ("wann wird {t} {d} umgestellt?", "Umzug von {t} {d}")),
        ("Wave {n} brings the {x} to the new platform {d}.",
         "The old {x} will be switched off in {m} and copied to {o} {d}.",
         "The migration of {t} {d} starts in {m} with {n} users.",
         "We transfer the {x} overnight; nothing has to be exported by hand {d}.",
         "The successor is live since {m}, only {n} items stayed behind {d}.",
         "Please do not change the {x} during the move of {t} {d}."),
        ("Welle {n} bringt {x} auf die neue Plattform {d}.",
         "Die alte Fassung von {x} wird im {m} abgeschaltet und nach {o} kopiert {d}.",
         "Die Migration von {t} {d} beginnt im {m} mit {n} Personen.",
         "{x} wird über Nacht übertragen, niemand muss etwas exportieren {d}.",
         "Während der Umstellung von {t} {d} bitte {x} nicht ändern."),
    ),
    "approval": _facet(
        "policy",
        ("approval, sign off, form", "Genehmigung, Freigabe, Formular"),
        (("who approves {t} {d}?", "approval form for {t} {d}"),
         ("wer genehmigt {t} {d}?", "Formular zur Freigabe von {t} {d}")),
        ("{p} signs every {x} above {n} euros {d}.",
         "Send sheet {n} to {o}; two signatures are needed for the {x} {d}.",
         "Approval of {t} {d} takes {n} days and is given by {p}.",
         "Without a countersigned {x} nothing is released {d}.",
         "Managers confirm the {x} with one click in the inbox {d}.",
         "The form for {t} {d} carries number {n} and lies in {o}."),
        ("{p} unterschreibt {x} ab {n} Euro {d}.",
         "Blatt {n} an {o} senden, für {x} sind zwei Unterschriften nötig {d}.",
         "Die Genehmigung von {t} {d} dauert {n} Tage und kommt von {p}.",
         "Ohne gegengezeichnetes Blatt zu {x} geht nichts weiter {d}.",
         "Das Formular für {t} {d} trägt die Nummer {n} und liegt in {o}."),
    ),
}  # fmt: skip
"""The ten facets by key."""
