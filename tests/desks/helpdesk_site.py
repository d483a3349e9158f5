"""A small site around django-helpdesk, run by that program's own Python: `python helpdesk_site.py FOLDER PORT`.

It makes an SQLite database in FOLDER with a queue, people and a custom field for our mark, prints what the tests need
to know as one line of JSON, and serves on loopback until it is ended. Nothing here imports the gateway.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings

FOLDER, PORT = Path(sys.argv[1]), int(sys.argv[2])
PASSWORD = "desk-pass-0123"

settings.configure(
    SECRET_KEY=os.urandom(24).hex(),
    DEBUG=False,
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.sites",
        "django.contrib.messages", "django.contrib.staticfiles", "django.contrib.admin", "django.contrib.humanize",
        "rest_framework", "helpdesk",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3", "NAME": str(FOLDER / "desk.db"), "OPTIONS": {"timeout": 20},
        }
    },
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    MEDIA_ROOT=str(FOLDER / "media"),
    EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
    SITE_ID=1,
    USE_TZ=True,
    TIME_ZONE="America/New_York",
    LANGUAGE_CODE="en",
    STATIC_URL="/static/",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    HELPDESK_STAFF_ONLY_TICKET_OWNERS=False,
    HELPDESK_USE_CDN=False,
    HELPDESK_TEAMS_MODE_ENABLED=False,
    HELPDESK_ACTIVATE_API_ENDPOINT=True,
    LOGGING_CONFIG=None,
)  # fmt: skip
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402 - the settings come first
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import include, path  # noqa: E402
from helpdesk.models import CustomField, Queue  # noqa: E402

urlpatterns = [path("", include("helpdesk.urls", namespace="helpdesk"))]


def fill() -> None:
    """Make the tables, and what a site has."""
    call_command("migrate", verbosity=0)
    people = {}
    for name in ("gateway", "agent1", "agent2", "root"):
        user = get_user_model().objects.create_user(
            name, f"{name}@desk.example", PASSWORD, first_name=name.title(), is_staff=True, is_superuser=name == "root"
        )
        people[name] = user.pk
    queues = {slug: Queue.objects.create(title=slug.title(), slug=slug).pk for slug in ("support", "network")}
    CustomField.objects.create(name="gateway_key", label="Gateway key", data_type="varchar", max_length=64)
    told = {"people": people, "queues": queues, "password": PASSWORD}
    (FOLDER / "made.json").write_text(json.dumps(told), encoding="utf-8")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


if __name__ == "__main__":
    if not (FOLDER / "made.json").exists():
        fill()
    with make_server("127.0.0.1", PORT, get_wsgi_application(), _Server, _Quiet) as server:
        server.serve_forever()
