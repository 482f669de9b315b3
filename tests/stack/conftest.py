"""One stack of the profile production for all tests of it, and not for longer: it is 26 processes."""

from collections.abc import Iterator

import pytest
from tests.stack.production import Person, Production, running_production


@pytest.fixture(scope="package")
def shared_production() -> Iterator[Production]:
    with running_production() as stack:
        yield stack


@pytest.fixture
def production(shared_production: Production) -> Production:
    """It, with all that it needs up."""
    shared_production.wait_until_up()
    return shared_production


@pytest.fixture
def person(production: Production) -> Iterator[Person]:
    """Somebody new."""
    with Person(production) as somebody:
        yield somebody
