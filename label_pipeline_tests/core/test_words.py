"""Words of every script, by version. What they do for retrieval is in label_pipeline_tests/languages."""

import pytest

from label_pipeline.core.errors import TableError
from label_pipeline.core.words import tokenise


def test_version_1_is_runs_of_letters_and_digits_and_stays_as_it_is() -> None:
    assert tokenise("Fehler E42, größe ﬁne\tИндекс_7!", 1) == ["fehler", "e42", "größe", "fine", "индекс_7"]
    assert tokenise("हिन्दी c++ 4.5", 1) == ["ह", "न", "द", "c", "4", "5"]


def test_a_version_nobody_knows_is_refused() -> None:
    with pytest.raises(TableError, match=r"tokeniser 3 is unknown, this program has \[1, 2\]"):
        tokenise("word", 3)


@pytest.mark.parametrize(
    "text",
    [
        "It's 8:30: reset the VPN-password (see page_42), e.g. on node-7/b; then re-try!",
        "x,y and foo.bar a/b, the end.The next one ... 1+1=2 18+ issue#5 #1 ++i",
        "",
    ],
)
def test_english_without_signs_has_the_words_of_version_1(text: str) -> None:
    assert tokenise(text) == tokenise(text, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("C++ string split", ["c++", "string", "split"]),
        ("C# or F#?", ["c#", "or", "f#"]),
        ("C++17, g++; Google+", ["c++", "17", "g++", "google+"]),
        ("a 4.5 inch TV for 1,299.99.", ["a", "4.5", "inch", "tv", "for", "1,299.99"]),
        ("v1.2.3 at 10.0.0.1", ["v1.2.3", "at", "10.0.0.1"]),
        (".NET and ASP.NET", [".net", "net", "and", "asp", "net"]),
        ("a (.pdf) file .", ["a", ".pdf", "pdf", "file"]),
        ("使用.NET框架和C#语言", ["使用", ".net", "net", "框架", "架和", "c#", "语言"]),
        ("Größe 4,5 Zoll, naïve C++-Lösung", ["grösse", "4,5", "zoll", "naïve", "c++", "lösung"]),
    ],
)
def test_signs_that_carry_meaning_stay_at_their_word(text: str, words: list[str]) -> None:
    assert tokenise(text) == words


@pytest.mark.parametrize(
    ("script", "text", "words"),
    [
        ("Devanagari", "हिन्दी में विश्वविद्यालय", ["हिन्दी", "में", "विश्वविद्यालय"]),
        ("Tamil", "தமிழ் மொழி", ["தமிழ்", "மொழி"]),
        ("Vietnamese, marks apart", "Tie\u0302\u0301ng Vie\u0323\u0302t", ["tiếng", "việt"]),
        ("Yoruba: no letter has both", "Ẹ\u0301kó", ["ẹ\u0301kó"]),
        ("Chinese", "重置密码", ["重置", "置密", "密码"]),
        ("Chinese beside Latin", "用iPhone15拍照", ["用", "iphone15", "拍照"]),
        ("Japanese, half-width", "ﾊﾟｽﾜｰﾄﾞの変更", ["パス", "スワ", "ワー", "ード", "ドの", "の変", "変更"]),
        ("Korean", "비밀번호를 잊음", ["비밀", "밀번", "번호", "호를", "잊음"]),
        ("Thai: marks stay at their letter", "ที่ทำงาน", ["ที่ทํ", "ทํา", "าง", "งา", "าน"]),
        ("Lao", "ພາສາ", ["ພາ", "າສ", "ສາ"]),
        ("Khmer: what stands under a letter", "ភាសាខ្មែរ", ["ភាសា", "សាខ្មែ", "ខ្មែរ"]),
        ("Myanmar", "မြန်မာ", ["မြန်", "န်မာ"]),
        ("a letter alone", "茶 은", ["茶", "은"]),
    ],
)
def test_marks_belong_to_their_word_and_scripts_without_spaces_are_cut_into_pairs(
    script: str, text: str, words: list[str]
) -> None:
    assert tokenise(text) == words, script


@pytest.mark.parametrize(
    ("script", "one", "other"),
    [
        ("Latin: case of s", "STRASSE", "Straße"),
        ("Latin: width", "ＶＰＮ ４．５", "vpn 4.5"),
        ("Latin: soft hyphen", "pass\u00adword", "password"),
        ("Turkish", "ISPARTA İstanbul", "ısparta istanbul"),
        ("Greek: capitals have no accent, final sigma", "ΚΩΔΙΚΟΣ ΠΡΟΪΟΝ", "κωδικός προϊόν"),
        ("Greek: old spelling", "ἄνθρωπος", "άνθρωπος"),
        ("Cyrillic", "Ещё замо\u0301к", "еще замок"),
        ("Arabic: vowels and tatweel", "كَلِمَةُ المـــرور", "كلمة المرور"),
        ("Arabic: digits and decimal sign", "٤٫٥", "4.5"),
        ("Persian: the non-joiner parts words", "می\u200cخواهم", "می خواهم"),
        ("Hebrew: points", "שָׁלוֹם", "שלום"),
        ("Hebrew: presentation forms", "\ufb2a", "ש"),
        ("Hebrew: abbreviation", 'דו"ח', "דו״ח"),
        ("Devanagari: digits", "४२", "42"),
        ("Devanagari: joiners say how to draw", "क्\u200dया क्\u200cया", "क्या क्या"),
        ("Han: which drawing", "葛\U000e0100城", "葛城"),
    ],
)
def test_two_spellings_of_one_word_are_one(script: str, one: str, other: str) -> None:
    assert tokenise(one) == tokenise(other), script


@pytest.mark.parametrize(("one", "other"), [("schön", "schon"), ("мой", "мои"), ("คา", "ค่า"), ("दिन", "दीन")])
def test_marks_that_tell_words_apart_still_do(one: str, other: str) -> None:
    assert set(tokenise(one)).isdisjoint(tokenise(other))
