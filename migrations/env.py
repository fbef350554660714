"""Alembic's environment: writes the SQL of upgrades, a transaction per revision, for `boreal.kit.migrations` to run."""

from alembic import context

context.configure(dialect_name="postgresql", literal_binds=True, transactional_ddl=True, transaction_per_migration=True)
context.run_migrations()
