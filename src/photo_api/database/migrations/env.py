"""Alembic's environment: runs on the connection that `photo_api.database.migrate` hands over."""

from alembic import context

from photo_api.database.schema import full_metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=full_metadata(),
    render_as_batch=True,  # SQLite alters a table by copying it
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
