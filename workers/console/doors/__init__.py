"""Who may enter the console, and what every request must pass before a page sees it."""
