"""App configuration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from accounts import people, reactions
        from accounts.sign_in import record

        people.connect()
        reactions.connect()
        record.connect()
