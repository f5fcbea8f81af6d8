"""docs/configuration.md is what the settings' classes say, so that no setting is missing there."""

import pytest

from docs import generate_configuration


def test_the_page_is_what_the_settings_say() -> None:
    written = generate_configuration.FILE.read_text()
    assert written == generate_configuration.render(), "run: python -m docs.generate_configuration"


@pytest.mark.parametrize("section", generate_configuration.SECTIONS, ids=lambda section: section.title)
def test_every_setting_has_a_row(section: generate_configuration.Section) -> None:
    names = [name for names in generate_configuration.variables(section.model).values() for name in names]
    rows = [line for line in generate_configuration.render().splitlines() if line.startswith("| `")]
    assert names
    assert all(any(f"`{name}`" in row for row in rows) for name in names)


@pytest.mark.parametrize("section", generate_configuration.SECTIONS, ids=lambda section: section.title)
def test_every_setting_says_what_it_is(section: generate_configuration.Section) -> None:
    undescribed = [name for name, field in section.model.model_fields.items() if not field.description]
    assert undescribed == []


@pytest.mark.parametrize("section", generate_configuration.SECTIONS, ids=lambda section: section.title)
def test_each_documented_variable_is_the_one_that_is_read(
    section: generate_configuration.Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of whole numbers: each is set to its default plus one, and read back."""
    variables = generate_configuration.variables(section.model)
    for field, info in section.model.model_fields.items():
        if type(info.default) is not int:
            continue
        for variable in variables[field]:
            with monkeypatch.context() as patch:
                patch.setenv(variable, str(info.default + 1))
                assert getattr(section.model(), field) == info.default + 1, variable
