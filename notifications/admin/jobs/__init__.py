"""What the pages of jobs show of notifications: a tab of each job, and a rule in the wizard."""
