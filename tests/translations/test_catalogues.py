"""Each catalogue has every template of the source, with the same places in it, and is compiled."""

from __future__ import annotations

import gettext
import io
import re
from string import Formatter

import pytest

from cnnshape.messages import TRANSLATIONS
from tests.translations.catalogues import FILES, LANGUAGES, compiled, mo_file, read, templates

TEMPLATES = templates()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("file", FILES)
def test_every_template_is_translated(language, file):
    translated = {message.id for message in read(language, file) if message.id and message.string}
    assert sorted(TEMPLATES[file].keys() - translated) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("file", FILES)
def test_nothing_is_left_of_templates_that_are_gone(language, file):
    assert sorted({message.id for message in read(language, file) if message.id}
                  - TEMPLATES[file].keys()) == []  # fmt: skip


def places(template):
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_no_place_that_its_template_lacks(language):
    for file in FILES[:-1]:  # the help has no values
        for message in read(language, file):
            if message.id:
                assert places(message.string) <= places(message.id), message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_flags_commands_and_code_stand_in_a_translation_as_they_are(language):
    for file in FILES:
        for message in read(language, file):
            if message.id and message.string:
                for code in re.findall(
                    r"(?<![\w-])--?[a-z][\w-]*|`[^`]+`|cnnshape \w+", message.id
                ):
                    assert code in message.string, (message.id, code)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_program_reads_is_what_the_files_say(language):
    def messages(file):
        catalogue = gettext.GNUTranslations(file)._catalog
        return {key: value for key, value in catalogue.items() if key}

    with mo_file(language).open("rb") as file:
        assert messages(file) == messages(io.BytesIO(compiled(language)))


def test_every_folder_is_a_language():
    assert {path.name for path in TRANSLATIONS.iterdir()} == set(LANGUAGES)
