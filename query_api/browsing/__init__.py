"""What a person who looks around needs: which properties there are, and what could not be stored."""
