-- TABLES tables of ten columns with two indexes and one trigger each, five functions for every two tables, five grants a table.
DO $$ BEGIN
    CREATE ROLE bench_app; CREATE ROLE bench_read; CREATE ROLE bench_observer LOGIN;
    CREATE ROLE bench_alone LOGIN CONNECTION LIMIT 1;
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;
DO $$ BEGIN FOR n IN 1..TABLES LOOP
    EXECUTE pg_catalog.format('CREATE TABLE public.t%1$s (id bigint PRIMARY KEY, name text NOT NULL DEFAULT ''none'',
        kind varchar(20), amount numeric(12,2) DEFAULT 0 CHECK (amount >= 0), created timestamptz NOT NULL DEFAULT now(),
        changed timestamptz, owner_id uuid, body jsonb, flag boolean DEFAULT false, note text);
        CREATE INDEX t%1$s_name ON public.t%1$s (name, created DESC) WHERE flag;
        GRANT SELECT, INSERT, UPDATE ON public.t%1$s TO bench_app; GRANT SELECT ON public.t%1$s TO bench_read;
        GRANT UPDATE (name) ON public.t%1$s TO bench_read', n);
END LOOP; END $$;
DO $$ BEGIN FOR n IN 1..TABLES * 5 / 4 LOOP
    EXECUTE pg_catalog.format('CREATE FUNCTION public.f%1$s(a text, b integer DEFAULT 1) RETURNS integer
LANGUAGE plpgsql STABLE AS $f$
DECLARE
  found integer;
BEGIN
  -- function number %1$s
  SELECT count(*) INTO found FROM public.t1 WHERE name = a AND amount > b;
  IF found > 10 THEN
    RAISE NOTICE ''more than ten rows of %%'', a;
  END IF;
  RETURN found;
END $f$;
CREATE FUNCTION public.g%1$s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $f$
BEGIN
  NEW.changed := now();
  RETURN NEW;
END $f$', n);
END LOOP; END $$;
DO $$ BEGIN FOR n IN 1..TABLES LOOP
    EXECUTE pg_catalog.format('CREATE TRIGGER tr%1$s BEFORE UPDATE ON public.t%1$s FOR EACH ROW
        WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION public.g%1$s()', n);
END LOOP; END $$;
