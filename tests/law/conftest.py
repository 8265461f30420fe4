"""The stage of the desk's tests: the whole application over a small ward, with people signed in by cookie."""

from tests.desk.conftest import app, settings, sign_in, site

__all__ = ("app", "settings", "sign_in", "site")
