"""Operations as plain functions over the small project: no Dagster, a real provider, real tables."""
