"""How the tables came to be what they are, one file a change; run by `sealing.database.migrate`."""
