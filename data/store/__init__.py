"""The database of attempts: schema, migrations, writing and reading."""
