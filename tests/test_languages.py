"""The language of a ticket: told where it can be, `und` where it cannot. The sentences are this project's own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gateway import languages
from rules.classifiers import Known, listen
from rules.loading.languages import languages as spoken
from rules.loading.sections import merge
from tests.rules.making import document, ticket

TEN = Known(frozenset({"en", "es", "de", "fr", "it", "pt", "cs", "pl", "ja", "ru"}))

SENTENCES = [
    ("en", "I cannot log in since this morning"),
    ("en", "Our invoice for March is wrong, please send a new one."),
    ("es", "No puedo iniciar sesión desde esta mañana."),
    ("es", "La factura de marzo está mal, envíen otra por favor."),
    ("de", "Seit heute Morgen kann ich mich nicht anmelden."),
    ("de", "Die Rechnung für März stimmt nicht, bitte schicken Sie eine neue."),
    ("fr", "Je ne peux plus me connecter depuis ce matin."),
    ("fr", "La facture de mars est fausse, merci d'en envoyer une nouvelle."),
    ("it", "Da questa mattina non riesco ad accedere."),
    ("it", "La fattura di marzo è sbagliata, potete mandarne una nuova?"),
    ("pt", "Não consigo entrar no sistema desde hoje de manhã."),
    ("pt", "A fatura de março está errada, por favor enviem outra."),
    ("cs", "Od dnešního rána se nemohu přihlásit."),
    ("cs", "Faktura za březen je špatně, pošlete prosím novou."),
    ("pl", "Od dzisiejszego rana nie mogę się zalogować."),
    ("pl", "Faktura za marzec jest błędna, proszę przysłać nową."),
    ("ja", "今朝からログインできません。"),
    ("ja", "三月の請求書が間違っています。新しいものを送ってください。"),
    ("ru", "С сегодняшнего утра не могу войти в систему."),
    ("ru", "Счёт за март неверный, пришлите, пожалуйста, новый."),
]
NOISE = [
    "", "ERR-403 SSO", "12345", "ok", "VPN", "hi", "Re: Fwd: Ticket #4711", "asdf qwer yxcv", "+420 777 123 456",
    "https://acme.example/login?next=/home", "kim@customer.example", "Cisco Meraki MX68 HTTP 502", "eth0: link down",
    "SELECT * FROM users WHERE id = 1",
    "java.lang.NullPointerException at com.acme.Main.run(Main.java:12)", "🙂🙂🙂🙂🙂🙂",
    "qux zzyx blorf", "\ud83d\udc80",
]  # fmt: skip


def told(text: str, known: Known = TEN) -> str:
    """Return the language that is set, `und` when none is."""
    (classifier,) = languages.gateway_rules().classifiers
    said = listen(classifier, ticket(title=text), known)
    return str(said[0].value) if said else "und"


@pytest.mark.parametrize(("language", "text"), SENTENCES)
def test_a_sentence_is_told_by_its_language(language: str, text: str) -> None:
    """Among the ten of the site, and without any choice."""
    assert told(text) == language
    assert told(text, Known()) == language


@pytest.mark.parametrize("text", NOISE)
def test_noise_stays_undetermined(text: str) -> None:
    """The library itself has an answer to each of these."""
    assert told(text) == "und"
    assert told(text, Known()) == "und"


@pytest.mark.parametrize(
    "text",
    ["Sinds vanmorgen kan ik niet meer inloggen.", "Не можу увійти з самого ранку, допоможіть будь ласка.",
     "No puc entrar des d'aquest matí."],
)  # fmt: skip
def test_a_language_that_the_site_does_not_speak_is_not_taken_for_a_neighbour_of_it(text: str) -> None:
    """Dutch is not German, Ukrainian not Russian, Catalan not Spanish."""
    assert told(text) == "und"


def test_what_is_no_language_does_not_change_the_answer() -> None:
    """Addresses and traces around a sentence."""
    text = "ERR-403 at https://acme.example/x kim@acme.example: no puedo iniciar sesión desde esta mañana"
    assert told(text) == "es"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("languages: [en, pt-BR]\npeople: {eva: {languages: [de]}}", {"en", "pt"}),
        ("people: {eva: {languages: [de, ES]}}\nteams: {a: {languages: [ja]}}", {"de", "es", "ja"}),
        ("routing: {neighbours: {pt: [es]}}\nroutes: [{name: a, needs: {language: it}}]", {"pt", "es", "it"}),
        ("routes: [{name: a, needs: {language: ticket.language}}]", set()),
    ],
)
def test_a_site_speaks_what_it_lists_or_what_its_people_and_routing_name(rules: str, expected: set[str]) -> None:
    """The primary subtags; none at all: any language."""
    assert spoken(merge([document(rules)], frozenset(), [])) == expected


def test_nothing_of_it_is_loaded_before_a_text_is_looked_at() -> None:
    """Neither by the web process nor by a worker that delivers: the model is large."""
    code = (
        "import sys; import gateway.bootstrap, gateway.web.app; from gateway.extensions import installed; "
        "installed(); sys.exit('py3langid' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
