. /tmp/n3/lib.sh
rm -rf /tmp/n3/p1; mkdir -p /tmp/n3/p1/sql/app; cd /tmp/n3/p1
fresh old1
mkdir -p sql/core
w() { printf '%b' "$2" > sql/core/$1.sql; printf '%b' "$3" > sql/core/$1.rollback.sql; }
w 0001_create_notes 'create table notes(id bigint generated always as identity primary key, body text);\n' 'drop table notes;\n'
w 0002_add_kind 'alter table notes add column kind text;\n' 'alter table notes drop column kind;\n'
w 0003_index_kind '-- transactional: false\ncreate index concurrently ix_kind on notes(kind);\n' '-- transactional: false\ndrop index concurrently ix_kind;\n'
w 0004_create_b 'create table b(id int);\n' 'drop table b;\n'
export MEMDB_SQL_DIR=/tmp/n3/p1/sql
OLDCWD=/tmp/n3/p1
r old migrate --sql-dir sql --to 0003
q old1 -c "select column_name from information_schema.columns where table_name='memdb_migrations'" | tr '\n' ' '
r memdb status --sql-dir sql
r memdb migrate --sql-dir sql --dry-run
q old1 -c "select column_name from information_schema.columns where table_name='memdb_migrations'" | tr '\n' ' '
r memdb rollback --sql-dir sql --dry-run
r memdb repair --sql-dir sql --dry-run
r memdb migrate --sql-dir sql
r memdb rollback --sql-dir sql --steps 2 --yes
q old1 -c "select migration_id, position, target_schema from memdb_migrations order by position"
r old migrate --sql-dir sql
r old status --sql-dir sql
q old1 -c "select migration_id, position, target_schema from memdb_migrations order by position"
r old rollback --sql-dir sql --yes
r memdb rollback --sql-dir sql --yes
r memdb migrate --sql-dir sql
r old rollback --sql-dir sql --yes --steps 3
r memdb migrate --sql-dir sql
r memdb status --sql-dir sql
q old1 -c "select migration_id, position, target_schema from memdb_migrations order by position"
