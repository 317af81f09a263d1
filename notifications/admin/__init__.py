"""The console's pages of notifications, and their part in the pages of jobs. Importing this registers those parts."""

from jobs.admin.jobs import page
from jobs.admin.wizard import additions
from notifications.admin.jobs import tab, wizard_rule

page.also_show(tab.TAB)
additions.also_ask(wizard_rule.WizardRule())
