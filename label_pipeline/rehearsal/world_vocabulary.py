"""The sample company's topics: what each is really about, and the code name staff use for it.

A code name is an ordinary word ("Falcon" is payroll), so a stranger misreads it.
"""

from typing import NamedTuple


class Topic(NamedTuple):
    """One product or process of the company.

    Attributes:
        domain: topics of one domain are siblings: close, but not the same thing.
        code: the internal code name, an ordinary English word.
        names: plain name by language.
        terms: words that travel with the topic, by language.
    """

    domain: str
    code: str
    names: dict[str, str]
    terms: dict[str, tuple[str, ...]]


def _topic(domain: str, code: str, english: str, german: str, terms: str, german_terms: str) -> Topic:
    return Topic(
        domain,
        code,
        {"en": english, "de": german},
        {"en": tuple(terms.split(", ")), "de": tuple(german_terms.split(", "))},
    )


TOPICS: tuple[Topic, ...] = (
    _topic("people", "Falcon", "payroll", "Lohnabrechnung",
           "payslip, salary run, bonus payment, tax class, overtime pay, bank details",
           "Gehaltszettel, Gehaltslauf, Bonuszahlung, Steuerklasse, Überstundenvergütung, Bankverbindung"),
    _topic("people", "Meadow", "annual leave", "Urlaubsantrag",
           "vacation days, sick note, parental leave, holiday calendar, carry-over, absence sheet",
           "Urlaubstage, Krankmeldung, Elternzeit, Feiertagskalender, Resturlaub, Abwesenheitsliste"),
    _topic("people", "Harvest", "recruiting", "Bewerbungsverfahren",
           "job advert, interview panel, applicant file, offer letter, probation, referral bonus",
           "Stellenanzeige, Vorstellungsgespräch, Bewerberakte, Angebotsschreiben, Probezeit, Empfehlungsprämie"),
    _topic("people", "Compass", "performance review", "Mitarbeitergespräch",
           "goal sheet, feedback round, self assessment, career level, promotion case, mentor",
           "Zielvereinbarung, Feedbackrunde, Selbsteinschätzung, Karrierestufe, Beförderung, Mentorin"),
    _topic("finance", "Suitcase", "travel expenses", "Reisekosten",
           "hotel receipt, mileage, per diem, taxi bill, flight booking, credit card statement",
           "Hotelbeleg, Kilometergeld, Tagespauschale, Taxiquittung, Flugbuchung, Kartenabrechnung"),
    _topic("finance", "Pelican", "invoicing", "Rechnungsstellung",
           "credit note, payment reminder, due amount, ledger entry, billing address, purchase number",
           "Gutschrift, Zahlungserinnerung, Fälligkeit, Buchungssatz, Rechnungsadresse, Bestellnummer"),
    _topic("finance", "Basket", "procurement", "Einkauf",
           "supplier list, framework order, tender, goods receipt, catalogue item, price comparison",
           "Lieferantenliste, Rahmenbestellung, Ausschreibung, Wareneingang, Katalogartikel, Preisvergleich"),
    _topic("finance", "Granite", "budget planning", "Budgetplanung",
           "cost centre, forecast, quarterly figures, headcount plan, investment sheet, variance",
           "Kostenstelle, Hochrechnung, Quartalszahlen, Stellenplan, Investitionsliste, Abweichung"),
    _topic("it", "Turtle", "laptop management", "Geräteverwaltung",
           "docking station, disk encryption, spare battery, operating system image, keyboard, device tag",
           "Dockingstation, Festplattenverschlüsselung, Ersatzakku, Systemabbild, Tastatur, Inventarnummer"),
    _topic("it", "Badger", "remote network", "Fernzugang",
           "tunnel client, certificate, home router, split routing, token app, gateway",
           "Tunnelclient, Zertifikat, Heimrouter, Routing, Token-App, Einwahlknoten"),
    _topic("it", "Acorn", "single sign-on", "Einmalanmeldung",
           "password, second factor, login page, identity record, session, locked account",
           "Passwort, zweiter Faktor, Anmeldeseite, Benutzerkonto, Sitzung, gesperrtes Konto"),
    _topic("it", "Pebble", "office printing", "Druckdienst",
           "toner, paper tray, print queue, scanner, card reader, driver package",
           "Toner, Papierfach, Druckwarteschlange, Scanner, Kartenleser, Treiberpaket"),
    _topic("service", "Lighthouse", "ticket desk", "Serviceportal",
           "priority code, escalation, first response, queue, closing note, satisfaction survey",
           "Prioritätsstufe, Eskalation, Erstantwort, Warteschlange, Abschlussnotiz, Kundenumfrage"),
    _topic("service", "Boomerang", "product returns", "Rücksendungen",
           "return label, refund, damaged parcel, restocking, inspection, exchange item",
           "Rücksendeetikett, Erstattung, beschädigtes Paket, Wiedereinlagerung, Prüfung, Tauschartikel"),
    _topic("service", "Umbrella", "warranty claims", "Garantiefälle",
           "serial number, repair centre, proof of purchase, spare part, goodwill, defect code",
           "Seriennummer, Reparaturzentrum, Kaufbeleg, Ersatzteil, Kulanz, Fehlercode"),
    _topic("service", "Parrot", "phone hotline", "Telefonhotline",
           "call script, waiting music, voicemail, callback, headset, shift roster",
           "Gesprächsleitfaden, Wartemusik, Anrufbeantworter, Rückruf, Headset, Schichtplan"),
    _topic("logistics", "Beehive", "warehouse", "Lagerverwaltung",
           "pallet, picking list, shelf, barcode scanner, stocktake, loading ramp",
           "Palette, Pickliste, Regalplatz, Barcodescanner, Inventur, Laderampe"),
    _topic("logistics", "Sparrow", "shipping", "Versand",
           "parcel label, courier, tracking number, packaging, delivery slot, express option",
           "Paketschein, Kurier, Sendungsnummer, Verpackung, Lieferfenster, Expressoption"),
    _topic("logistics", "Bridge", "customs clearance", "Zollabwicklung",
           "tariff code, export paper, duty, origin certificate, broker, border check",
           "Zolltarifnummer, Ausfuhrpapier, Abgabe, Ursprungszeugnis, Spediteur, Grenzkontrolle"),
    _topic("logistics", "Mustang", "vehicle fleet", "Fuhrpark",
           "leasing car, fuel card, tyre change, driver log, charging point, damage report",
           "Leasingwagen, Tankkarte, Reifenwechsel, Fahrtenbuch, Ladesäule, Schadensmeldung"),
    _topic("sales", "Orchard", "customer records", "Kundendatenbank",
           "contact card, lead score, account owner, visit report, segment, duplicate entry",
           "Kontaktkarte, Leadbewertung, Kundenbetreuer, Besuchsbericht, Segment, doppelter Eintrag"),
    _topic("sales", "Ladder", "price quotes", "Angebotserstellung",
           "discount table, quote number, margin, price list, validity, bundle",
           "Rabattstaffel, Angebotsnummer, Marge, Preisliste, Gültigkeit, Paketpreis"),
    _topic("sales", "Anchor", "contract management", "Vertragsverwaltung",
           "signature page, renewal, termination clause, amendment, annex, framework terms",
           "Unterschriftsseite, Verlängerung, Kündigungsklausel, Nachtrag, Anhang, Rahmenbedingungen"),
    _topic("sales", "Bazaar", "partner portal", "Partnerportal",
           "reseller, commission, training badge, deal registration, joint campaign, partner level",
           "Wiederverkäufer, Provision, Schulungsnachweis, Projektmeldung, Gemeinschaftskampagne, Partnerstufe"),
    _topic("engineering", "Anvil", "build server", "Buildserver",
           "pipeline, artefact, cache, runner, nightly job, dependency lock",
           "Pipeline, Artefakt, Zwischenspeicher, Runner, Nachtlauf, Abhängigkeitsliste"),
    _topic("engineering", "Owl", "monitoring", "Systemüberwachung",
           "alert rule, dashboard panel, metric, log line, pager, silence window",
           "Alarmregel, Übersichtstafel, Messwert, Protokollzeile, Rufbereitschaft, Stummschaltung"),
    _topic("engineering", "Mirror", "code review", "Codeprüfung",
           "merge request, reviewer, branch, style check, comment thread, test report",
           "Änderungsantrag, Prüferin, Zweig, Stilprüfung, Kommentar, Testbericht"),
    _topic("engineering", "Rocket", "release process", "Releaseprozess",
           "version tag, rollback, change log, feature switch, staging system, freeze",
           "Versionsnummer, Rücknahme, Änderungsliste, Funktionsschalter, Testsystem, Änderungsstopp"),
    _topic("facility", "Sofa", "room booking", "Raumbuchung",
           "meeting room, projector, seating plan, catering order, video system, calendar slot",
           "Besprechungsraum, Beamer, Sitzplan, Bewirtung, Videoanlage, Kalendereintrag"),
    _topic("facility", "Keystone", "door badges", "Zutrittskarten",
           "visitor pass, turnstile, alarm code, lost card, night entrance, photo",
           "Besucherausweis, Drehkreuz, Alarmcode, verlorene Karte, Nachteingang, Passbild"),
    _topic("facility", "Pepper", "canteen", "Kantine",
           "lunch menu, allergen, top-up card, breakfast, vegetarian dish, tray return",
           "Mittagsmenü, Allergen, Guthabenkarte, Frühstück, vegetarisches Gericht, Tablettrückgabe"),
    _topic("facility", "Cactus", "parking", "Parkplätze",
           "garage, number plate, bicycle stand, barrier, guest space, electric bay",
           "Tiefgarage, Kennzeichen, Fahrradständer, Schranke, Gästeplatz, Elektroplatz"),
    _topic("records", "Glacier", "data retention", "Datenaufbewahrung",
           "deletion run, backup tape, storage period, legal hold, folder class, inventory",
           "Löschlauf, Sicherungsband, Aufbewahrungsdauer, Löschsperre, Ordnerklasse, Verzeichnis"),
    _topic("records", "Curtain", "privacy requests", "Datenschutzanfragen",
           "consent form, data subject, disclosure, processor list, breach notice, redaction",
           "Einwilligung, betroffene Person, Auskunft, Verarbeiterliste, Pannenmeldung, Schwärzung"),
    _topic("records", "Attic", "document archive", "Dokumentenarchiv",
           "scan batch, index field, file plan, microfilm, search mask, old folder",
           "Scanstapel, Indexfeld, Aktenplan, Mikrofilm, Suchmaske, Altordner"),
    _topic("records", "Prism", "report dashboards", "Berichtswesen",
           "chart, filter, data source, weekly export, key figure, subscription",
           "Diagramm, Filter, Datenquelle, Wochenexport, Kennzahl, Abonnement"),
)  # fmt: skip
"""The 36 topics, four to a domain."""
