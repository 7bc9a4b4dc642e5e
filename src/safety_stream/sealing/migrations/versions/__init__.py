"""The changes, oldest first. One that has been released is never edited."""
