"""Alembic's environment: writes the SQL of an upgrade, which `boreal.kit.migrations` then runs in one transaction."""

from alembic import context

context.configure(dialect_name="postgresql", literal_binds=True, transactional_ddl=False)
context.run_migrations()
