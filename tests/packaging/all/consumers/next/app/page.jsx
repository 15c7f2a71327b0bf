'use client';
import { Collection } from 'kindex';
import { useCollection } from 'kindex/react';
import { useEffect } from 'react';
import { check } from '../../check.js';

export default function Page() {
  const { collection, loading } = useCollection('hooked', { dimension: 4 });
  useEffect(() => {
    fetch('/fixture.bin')
      .then((response) => response.arrayBuffer())
      .then((bytes) => check(Collection, bytes))
      .then((outcome) => {
        globalThis.outcome = outcome;
      });
  }, []);
  return <p>{loading ? 'opening' : `${collection?.size} words`}</p>;
}
