"""What other frameworks call things: tables that lead to archdsl's spelling. They are read for messages only."""
