"""What the operator decides, and the catalog cannot: origins, credentials, addresses."""
