"""What is thought of the weekly values of many series: by chance, or worth an officer's time."""
