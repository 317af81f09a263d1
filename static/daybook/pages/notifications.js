// The pages of notifications.
