import { createFileRoute } from '@tanstack/react-router';
import { NotFound } from '../../ui/NotFound';

/** Any other address. */
export const Route = createFileRoute('/_app/$')({ component: NotFound });
