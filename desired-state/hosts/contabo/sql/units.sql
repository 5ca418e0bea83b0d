SELECT count(*) FROM public.information_unit
