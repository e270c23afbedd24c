"""What tests of the application's side share: an engine of either driver, and sessions, on a migrated database."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from memdb import pytest_plugin
from memdb.models import User
from memdb.store import create_engine, sessions
from tests.helpers import address

assert_models_match = pytest_plugin.assert_models_match


@pytest.fixture(params=["asyncpg", pytest.param("psycopg", marks=pytest.mark.once)])
def driver(request: pytest.FixtureRequest) -> str:
    """Each of the drivers in turn: what one does otherwise than the other, it does with any version."""
    return str(request.param)


@pytest.fixture
async def engine(migrated: str, driver: str) -> AsyncIterator[AsyncEngine]:
    """An engine for a new database with `core` applied."""
    engine = create_engine(address(migrated, driver))
    yield engine
    await engine.dispose()


@pytest.fixture
async def session(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with sessions(engine)() as session:
        yield session


@pytest.fixture
async def user_id(session: AsyncSession) -> UUID:
    """A user who is there, and committed."""
    user = User()
    session.add(user)
    await session.commit()
    return user.id
