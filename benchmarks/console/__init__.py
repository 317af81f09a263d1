"""What the console weighs, and how soon it shows what happens."""
